// Counts without clocks: allocations, by standing in front of libc's, and instructions, by talking to callgrind.

#include "CMeasure.h"

#include <errno.h>
#include <stddef.h>
#include <valgrind/callgrind.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t number, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

// Of one thread, so that a sampler in the background is not counted. This model never allocates on first use.
static _Thread_local int64_t count __attribute__((tls_model("initial-exec")));

void measure_begin(void) {
    count = 0;
    CALLGRIND_ZERO_STATS;
    CALLGRIND_START_INSTRUMENTATION;
}

int64_t measure_end(void) {
    CALLGRIND_STOP_INSTRUMENTATION;
    return count;
}

void measure_publish(const char *name) { CALLGRIND_DUMP_STATS_AT(name); }

// An executable's own definition of a function goes before a shared library's, for calls from everywhere.

void *malloc(size_t size) {
    count++;
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count++;
    return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
    count++;
    return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
    count++;
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
    void *allocated = memalign(alignment, size);
    if (allocated == NULL) return ENOMEM;
    *result = allocated;
    return 0;
}
