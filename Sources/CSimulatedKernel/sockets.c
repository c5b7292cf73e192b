#define _GNU_SOURCE
#include "simulated_kernel.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/socket.h>

static simulated_send on_send;
static simulated_change on_end_output, on_reset;

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

void simulated_sockets_begin(simulated_send send, simulated_change end_output, simulated_change reset_on_close) {
    on_send = send;
    on_end_output = end_output;
    on_reset = reset_on_close;
}

ssize_t send(int fd, const void *bytes, size_t count, int flags) {
    REAL(send);
    if (fd < simulated_socket_first) return real(fd, bytes, count, flags);
    int64_t taken = on_send(fd, bytes, (int64_t)count);
    if (taken >= 0) return taken;
    errno = (int)-taken;
    return -1;
}

int shutdown(int fd, int how) {
    REAL(shutdown);
    if (fd < simulated_socket_first) return real(fd, how);
    on_end_output(fd);
    return 0;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t count) {
    REAL(setsockopt);
    if (fd < simulated_socket_first) return real(fd, level, name, value, count);
    if (level == SOL_SOCKET && name == SO_LINGER) on_reset(fd);
    return 0;
}
