// epoll(7): Swift's Glibc module map leaves <sys/epoll.h> out. Nothing else belongs here.
#include <sys/epoll.h>
