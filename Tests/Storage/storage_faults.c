// A disk that loses what was not synced, fills up, or breaks: an LD_PRELOAD library under a real server. It looks at the calls
// that LMDB makes for `data.mdb` (pwrite, write, writev, fdatasync, fsync, ftruncate), and at fsync of folders.
//
//   FAULTS_JOURNAL=FILE   before a write, what it replaces is appended to FILE; a completed sync forgets what came before
//                         it began. After the process has died, power_cut.py gives the disk back what was not synced.
//                         A write through a descriptor that is O_DSYNC (LMDB's meta pages) is durable at once.
//   FAULTS_DIE_AT=N       the process dies (SIGKILL) before its Nth call
//   FAULTS_CONTROL=FILE   while FILE exists, its first word says which calls fail: `full` (writes: ENOSPC), `short` (writes
//                         take half, then ENOSPC), `broken` (writes: EIO), `unsyncable` (syncs: EIO); `dying N`: the process
//                         dies (SIGKILL) before the Nth call from then on; `folders N`: syncs of folders fail with errno N
//   FAULTS_BOOT_ID=FILE   is read instead of /proc/sys/kernel/random/boot_id
//
// Journal: u64 where the entries in force begin, then entries: u64 inode, u64 offset, u64 count, u64 size of the file before,
// count bytes (those beyond that size are zero).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

enum { DESCRIPTORS = 1 << 16, WORD = 32 };
enum kind { OTHER, DATA, DURABLE_DATA };

static unsigned char kinds[DESCRIPTORS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int journal = -1;
static uint64_t journal_end = sizeof(uint64_t);
static long calls, die_at, dying_calls;

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static ssize_t real_pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    REAL(pwrite);
    return real(fd, bytes, count, offset);
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULTS_JOURNAL"), *number = getenv("FAULTS_DIE_AT");
    if (number) die_at = atol(number);
    if (!path) return;
    journal = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (journal < 0 || real_pwrite(journal, &journal_end, sizeof journal_end, 0) < 0) abort();
}

static void note_open(int fd, const char *path, int flags) {
    size_t length = strlen(path), tail = strlen("/data.mdb");
    if (fd < 0 || fd >= DESCRIPTORS) return;
    bool is_data = length >= tail && strcmp(path + length - tail, "/data.mdb") == 0;
    kinds[fd] = !is_data ? OTHER : (flags & O_DSYNC) ? DURABLE_DATA : DATA;
}

// Only then is there a third argument. O_TMPFILE has the bit of O_DIRECTORY in it, so it must be there whole.
static bool takes_mode(int flags) { return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE; }

static const char *replaced(const char *path) {
    const char *boot_id = getenv("FAULTS_BOOT_ID");
    return boot_id && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0 ? boot_id : path;
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name); \
        va_list arguments; \
        va_start(arguments, flags); \
        mode_t mode = takes_mode(flags) ? va_arg(arguments, mode_t) : 0; \
        va_end(arguments); \
        int fd = real(replaced(path), flags, mode); \
        note_open(fd, path, flags); \
        return fd; \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    REAL(close);
    if (fd >= 0 && fd < DESCRIPTORS) kinds[fd] = OTHER;
    return real(fd);
}

// LMDB sets O_DSYNC with fcntl on some systems.
static enum kind kind_of(int fd) {
    if (fd < 0 || fd >= DESCRIPTORS || kinds[fd] == OTHER) return OTHER;
    if (kinds[fd] == DATA && (fcntl(fd, F_GETFL) & O_DSYNC)) kinds[fd] = DURABLE_DATA;
    return kinds[fd];
}

// What the control file says behind `how`, in the caller's `word`, since any thread may ask; NULL where it says something
// else, or nothing.
static const char *told(const char *how, char word[WORD]) {
    const char *path = getenv("FAULTS_CONTROL");
    if (!path) return NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    ssize_t count = read(fd, word, WORD - 1);
    close(fd);
    if (count <= 0) return NULL;
    word[count] = 0;
    return strncmp(word, how, strlen(how)) == 0 ? word + strlen(how) : NULL;
}

static bool is_failing(const char *how) {
    char word[WORD];
    return told(how, word) != NULL;
}

static void count_call(void) {
    char word[WORD];
    const char *most = told("dying ", word);
    if (++calls == die_at || (most && ++dying_calls >= atol(most))) {
        kill(getpid(), SIGKILL);
        pause();
    }
}

// What the next write replaces.
static void remember(int fd, off_t offset, size_t count) {
    struct stat status;
    if (journal < 0 || fstat(fd, &status) < 0) return;
    uint64_t head[4] = {status.st_ino, (uint64_t)offset, count, (uint64_t)status.st_size};
    char *bytes = calloc(1, count + sizeof head);
    if (!bytes) abort();
    memcpy(bytes, head, sizeof head);
    if (pread(fd, bytes + sizeof head, count, offset) < 0) abort();
    if (real_pwrite(journal, bytes, count + sizeof head, (off_t)journal_end) < 0) abort();
    journal_end += count + sizeof head;
    free(bytes);
}

// A write of `count` bytes is asked for. Returns how many may be tried, or -1 with errno.
static ssize_t before_write(int fd, off_t offset, size_t count) {
    count_call();
    if (is_failing("broken")) return errno = EIO, -1;
    if (is_failing("full")) return errno = ENOSPC, -1;
    if (is_failing("short")) {
        if (count < 8192) return errno = ENOSPC, -1;
        count = count / 8192 * 4096;
    }
    if (kind_of(fd) == DATA) remember(fd, offset, count);
    return (ssize_t)count;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    if (kind_of(fd) == OTHER) return real_pwrite(fd, bytes, count, offset);
    pthread_mutex_lock(&lock);
    ssize_t allowed = before_write(fd, offset, count);
    if (allowed > 0) allowed = real_pwrite(fd, bytes, (size_t)allowed, offset);
    pthread_mutex_unlock(&lock);
    return allowed;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) { return pwrite(fd, bytes, count, offset); }

ssize_t write(int fd, const void *bytes, size_t count) {
    REAL(write);
    if (kind_of(fd) == OTHER) return real(fd, bytes, count);
    pthread_mutex_lock(&lock);
    ssize_t allowed = before_write(fd, lseek(fd, 0, SEEK_CUR), count);
    if (allowed > 0) allowed = real(fd, bytes, (size_t)allowed);
    pthread_mutex_unlock(&lock);
    return allowed;
}

ssize_t writev(int fd, const struct iovec *parts, int partCount) {
    REAL(writev);
    if (kind_of(fd) == OTHER) return real(fd, parts, partCount);
    size_t count = 0;
    for (int i = 0; i < partCount; i++) count += parts[i].iov_len;
    pthread_mutex_lock(&lock);
    off_t offset = lseek(fd, 0, SEEK_CUR);
    ssize_t allowed = before_write(fd, offset, count);
    if (allowed == (ssize_t)count) {
        allowed = real(fd, parts, partCount);
    } else if (allowed > 0) {  // the parts that fit whole
        ssize_t written = 0;
        for (int i = 0; i < partCount && written + (ssize_t)parts[i].iov_len <= allowed; i++) {
            if (real(fd, parts + i, 1) < 0) break;
            written += (ssize_t)parts[i].iov_len;
        }
        allowed = written;
    }
    pthread_mutex_unlock(&lock);
    return allowed;
}

static int sync_with(int fd, int (*real)(int)) {
    if (kind_of(fd) == OTHER) return real(fd);
    pthread_mutex_lock(&lock);
    count_call();
    uint64_t began = journal_end;
    bool fails = is_failing("unsyncable");
    pthread_mutex_unlock(&lock);
    if (fails) return errno = EIO, -1;
    int result = real(fd);
    // What was written while it ran may or may not be on the disk: it stays in force.
    if (result == 0 && journal >= 0) {
        pthread_mutex_lock(&lock);
        if (real_pwrite(journal, &began, sizeof began, 0) < 0) abort();
        pthread_mutex_unlock(&lock);
    }
    return result;
}

int fdatasync(int fd) {
    REAL(fdatasync);
    return sync_with(fd, real);
}

int fsync(int fd) {
    REAL(fsync);
    struct stat status;
    char word[WORD];
    const char *number;
    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode) && (number = told("folders ", word))) return errno = atoi(number), -1;
    return sync_with(fd, real);
}

// A full disk says that it is one.
int fstatvfs(int fd, struct statvfs *room) {
    REAL(fstatvfs);
    int result = real(fd, room);
    if (result == 0 && kind_of(fd) != OTHER && (is_failing("full") || is_failing("short"))) room->f_bavail = 0;
    return result;
}

int fstatvfs64(int fd, struct statvfs64 *room) { return fstatvfs(fd, (struct statvfs *)room); }

int ftruncate(int fd, off_t size) {
    REAL(ftruncate);
    if (kind_of(fd) == OTHER) return real(fd, size);
    pthread_mutex_lock(&lock);
    count_call();
    pthread_mutex_unlock(&lock);
    if (is_failing("full")) return errno = ENOSPC, -1;
    return real(fd, size);
}
