#define _GNU_SOURCE
#include "simulated_kernel.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PAGES = 1 << 16, DESCRIPTORS = 1 << 16 };
enum kind { OTHER, DATA, DURABLE_DATA };

// What a page held when it was synced last, for each that was written since. A page that did not exist has `absent`.
static unsigned char *before[PAGES];
static unsigned char absent[1];
static int64_t pages_written;
static char simulated_file[PATH_MAX];
static unsigned char kinds[DESCRIPTORS];
static int64_t calls, fail_from = INT64_MAX, fail_until = INT64_MAX, crash_at = INT64_MAX;
static int fail_error, loss;

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static void forget(void) {
    for (int64_t page = 0; page < pages_written; page++) {
        if (before[page] != absent) free(before[page]);
        before[page] = NULL;
    }
    pages_written = 0;
}

void simulated_disk_begin(const char *file) {
    forget();
    memset(kinds, OTHER, sizeof kinds);
    if (strlen(file) >= sizeof simulated_file) abort();
    strcpy(simulated_file, file);
    calls = 0;
    loss = 0;
    crash_at = INT64_MAX;
    simulated_disk_heal();
}

void simulated_disk_fail(int error, int64_t after, int64_t count) {
    fail_error = error;
    fail_from = calls + after;
    fail_until = fail_from + count;
}

void simulated_disk_heal(void) { fail_from = fail_until = INT64_MAX; }
void simulated_disk_crash(int64_t after) { crash_at = calls + after; }
bool simulated_disk_has_crashed(void) { return calls > crash_at; }
int simulated_disk_loss(void) { return loss; }

// Counts a call. Returns 0, or the error that it ends with.
static int error_of_call(void) {
    if (calls >= crash_at) return calls = crash_at + 1, EIO;
    int64_t call = calls++;
    return call >= fail_from && call < fail_until ? fail_error : 0;
}

static ssize_t real_pread(int fd, void *bytes, size_t count, off_t offset) {
    REAL(pread);
    return real(fd, bytes, count, offset);
}

static ssize_t real_pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    REAL(pwrite);
    return real(fd, bytes, count, offset);
}

static void remember(int fd, off_t offset, size_t count) {
    struct stat status;
    if (fstat(fd, &status) < 0) abort();
    for (int64_t page = offset / simulated_page_bytes; page * simulated_page_bytes < offset + (off_t)count; page++) {
        if (page >= PAGES) abort();
        if (before[page]) continue;
        if (page >= pages_written) pages_written = page + 1;
        if (page * simulated_page_bytes >= status.st_size) {
            before[page] = absent;
            continue;
        }
        before[page] = calloc(1, simulated_page_bytes);
        if (!before[page] || real_pread(fd, before[page], simulated_page_bytes, page * simulated_page_bytes) < 0) abort();
    }
}

// A write through a descriptor that is O_DSYNC is on the disk when it returns, whatever else is not.
static void make_durable(const unsigned char *bytes, off_t offset, size_t count) {
    for (size_t done = 0; done < count;) {
        int64_t page = (offset + (off_t)done) / simulated_page_bytes;
        size_t within = (size_t)((offset + (off_t)done) % simulated_page_bytes);
        size_t part = simulated_page_bytes - within < count - done ? simulated_page_bytes - within : count - done;
        if (before[page] == absent) before[page] = calloc(1, simulated_page_bytes);
        if (before[page]) memcpy(before[page] + within, bytes + done, part);
        done += part;
    }
}

// LMDB sets O_DSYNC with fcntl on some systems.
static enum kind kind_of(int fd) {
    if (fd < 0 || fd >= DESCRIPTORS || kinds[fd] == OTHER) return OTHER;
    if (kinds[fd] == DATA && (fcntl(fd, F_GETFL) & O_DSYNC)) kinds[fd] = DURABLE_DATA;
    return kinds[fd];
}

static ssize_t write_simulated(int fd, const unsigned char *bytes, size_t count, off_t offset) {
    int error = error_of_call();
    struct stat status;
    if (error == ENOSPC && fstat(fd, &status) == 0 && offset + (off_t)count <= status.st_size) error = 0;  // it has that room
    if (error == EIO) loss = EIO;
    if (error && (simulated_disk_has_crashed() || count < 2 * simulated_page_bytes)) return errno = error, -1;
    if (error) count = count / 2 / simulated_page_bytes * simulated_page_bytes;  // the disk fills up within the write
    bool is_durable = kind_of(fd) == DURABLE_DATA;
    if (!is_durable) remember(fd, offset, count);
    ssize_t written = real_pwrite(fd, bytes, count, offset);
    if (is_durable && written > 0) make_durable(bytes, offset, (size_t)written);
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    return kind_of(fd) == OTHER ? real_pwrite(fd, bytes, count, offset) : write_simulated(fd, bytes, count, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) { return pwrite(fd, bytes, count, offset); }

ssize_t write(int fd, const void *bytes, size_t count) {
    REAL(write);
    if (kind_of(fd) == OTHER) return real(fd, bytes, count);
    ssize_t written = write_simulated(fd, bytes, count, lseek(fd, 0, SEEK_CUR));
    if (written > 0) lseek(fd, written, SEEK_CUR);
    return written;
}

// Piece by piece: a fault may hit any of them.
ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset) {
    REAL(pwritev);
    if (kind_of(fd) == OTHER) return real(fd, pieces, count, offset);
    ssize_t total = 0;
    for (int index = 0; index < count; index++) {
        ssize_t written = write_simulated(fd, pieces[index].iov_base, pieces[index].iov_len, offset + total);
        if (written < 0) return total > 0 ? total : written;
        total += written;
        if ((size_t)written < pieces[index].iov_len) break;
    }
    return total;
}

ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off64_t offset) { return pwritev(fd, pieces, count, offset); }

ssize_t writev(int fd, const struct iovec *pieces, int count) {
    REAL(writev);
    if (kind_of(fd) == OTHER) return real(fd, pieces, count);
    ssize_t written = pwritev(fd, pieces, count, lseek(fd, 0, SEEK_CUR));
    if (written > 0) lseek(fd, written, SEEK_CUR);
    return written;
}

// The simulated file needs no real sync: nothing outlives the process.
static int sync_simulated(void) {
    int error = error_of_call();
    if (error && loss != EIO) loss = error;
    if (error) return errno = error, -1;
    forget();
    return 0;
}

int fdatasync(int fd) {
    REAL(fdatasync);
    return kind_of(fd) == OTHER ? real(fd) : sync_simulated();
}

int fsync(int fd) {
    REAL(fsync);
    return kind_of(fd) == OTHER ? real(fd) : sync_simulated();
}

// A disk is full as long as its last call found it so: a server asks behind a write that was made in part.
int fstatvfs(int fd, struct statvfs *room) {
    REAL(fstatvfs);
    if (kind_of(fd) == OTHER) return real(fd, room);
    bool is_full = fail_error == ENOSPC && calls > fail_from && calls <= fail_until;
    *room = (struct statvfs){.f_bsize = simulated_page_bytes, .f_frsize = simulated_page_bytes, .f_bavail = is_full ? 0 : PAGES};
    return 0;
}

int fstatvfs64(int fd, struct statvfs64 *room) { return fstatvfs(fd, (struct statvfs *)room); }

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name); \
        va_list arguments; \
        va_start(arguments, flags); \
        mode_t mode = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0; \
        va_end(arguments); \
        int fd = real(path, flags, mode); \
        if (fd >= 0 && fd < DESCRIPTORS && strcmp(path, simulated_file) == 0) kinds[fd] = DATA; \
        return fd; \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    REAL(close);
    if (fd >= 0 && fd < DESCRIPTORS) kinds[fd] = OTHER;
    return real(fd);
}

static uint64_t mixed(uint64_t value) {  // splitmix64
    value += 0x9E3779B97F4A7C15;
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
    value = (value ^ value >> 27) * 0x94D049BB133111EB;
    return value ^ value >> 31;
}

bool simulated_disk_survive(const char *to, uint64_t seed, unsigned share) {
    int from = open(simulated_file, O_RDONLY | O_CLOEXEC);
    if (from < 0) return false;
    struct stat status;
    if (fstat(from, &status) < 0) abort();
    int target = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (target < 0) abort();
    int64_t end = 0;
    unsigned char page_bytes[simulated_page_bytes];
    for (int64_t page = 0; page * simulated_page_bytes < status.st_size; page++) {
        bool is_new = page >= pages_written || !before[page] || (mixed(seed ^ (uint64_t)page << 20) & 0xFF) < share;
        if (!is_new && before[page] == absent) continue;
        const unsigned char *bytes = is_new ? page_bytes : before[page];
        if (is_new && real_pread(from, page_bytes, sizeof page_bytes, page * simulated_page_bytes) < 0) abort();
        if (real_pwrite(target, bytes, sizeof page_bytes, page * simulated_page_bytes) < 0) abort();
        end = page + 1;
    }
    close(from);
    close(target);
    if (end == 0) unlink(to);
    return end > 0;
}
