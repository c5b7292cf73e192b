// Linux calls that Swift's Glibc module leaves out. Nothing else belongs here.
#include <linux/inet_diag.h>
#include <linux/io_uring.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

// <sched.h> has these for _GNU_SOURCE only. The set is a bit for each CPU, in words of unsigned long.
int sched_getaffinity(pid_t pid, size_t bytes, void *set);
int sched_setaffinity(pid_t pid, size_t bytes, const void *set);

// glibc has no wrappers for io_uring, and Swift cannot call the variadic syscall(2), nor share integers with the kernel.
static inline int io_uring_setup(unsigned entries, struct io_uring_params *parameters) {
    return (int)syscall(__NR_io_uring_setup, entries, parameters);
}

static inline int io_uring_enter(int ring, unsigned submitted, unsigned completed, unsigned flags) {
    return (int)syscall(__NR_io_uring_enter, ring, submitted, completed, flags, NULL, 0);
}

static inline unsigned io_uring_load(const unsigned *index) { return __atomic_load_n(index, __ATOMIC_ACQUIRE); }

static inline void io_uring_store(unsigned *index, unsigned value) { __atomic_store_n(index, value, __ATOMIC_RELEASE); }

// A send(2), if that is the operation. What is not set here stays zero: the kernel never writes to an entry.
static inline void io_uring_prepare(struct io_uring_sqe *entry, uint8_t operation, int descriptor, const void *bytes,
                                    unsigned count, unsigned flags, uint64_t tag) {
    entry->opcode = operation;
    entry->fd = descriptor;
    entry->addr = (uint64_t)(uintptr_t)bytes;
    entry->len = count;
    entry->msg_flags = flags;
    entry->user_data = tag;
}
