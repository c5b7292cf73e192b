// Linux calls that Swift's Glibc module leaves out. Nothing else belongs here.
#include <sys/epoll.h>
#include <sys/types.h>

// <sched.h> has these for _GNU_SOURCE only. The set is a bit for each CPU, in words of unsigned long.
int sched_getaffinity(pid_t pid, size_t bytes, void *set);
int sched_setaffinity(pid_t pid, size_t bytes, const void *set);
