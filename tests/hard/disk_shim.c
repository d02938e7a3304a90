/* Sits between a program and its disk (LD_PRELOAD). Everything done to files under SHIM_FOLDER is written to
 * SHIM_LOG in order: one record of op, name, second name, offset, length, bytes. SHIM_SWALLOW makes every sync a
 * lie. SHIM_CALLS gets the number of calls. SHIM_FAIL_AT fails that call, counted from 1, and SHIM_FAIL_FOR - 1 after it, with the error SHIM_ERRNO.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILES 4096
static char *names[FILES];
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static const char *folder, *swallow;
static int log_fd = -1;
static long fail_at, fail_for = 1, calls;
static int fail_with;

__attribute__((constructor)) static void begin(void) {
    folder = getenv("SHIM_FOLDER");
    swallow = getenv("SHIM_SWALLOW");
    if (getenv("SHIM_FAIL_AT")) fail_at = atol(getenv("SHIM_FAIL_AT"));
    if (getenv("SHIM_FAIL_FOR")) fail_for = atol(getenv("SHIM_FAIL_FOR"));
    if (getenv("SHIM_ERRNO")) fail_with = atoi(getenv("SHIM_ERRNO"));
    if (getenv("SHIM_LOG"))
        log_fd = syscall(SYS_openat, AT_FDCWD, getenv("SHIM_LOG"), O_WRONLY | O_CREAT | O_APPEND, 0600);
}

__attribute__((destructor)) static void end(void) {
    char text[32];
    int fd;
    if (!getenv("SHIM_CALLS")) return;
    fd = syscall(SYS_openat, AT_FDCWD, getenv("SHIM_CALLS"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    syscall(SYS_write, fd, text, snprintf(text, sizeof text, "%ld", calls));
}

static int is_ours(const char *path) {
    size_t n;
    if (!folder || !path) return 0;
    n = strlen(folder);
    return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == 0) && !strstr(path, "-shm");
}

static const char *named(int fd) { return fd >= 0 && fd < FILES ? names[fd] : NULL; }

static void note(char op, const char *a, const char *b, int64_t offset, const void *bytes, uint64_t length) {
    struct { char op; char pad[3]; uint32_t a, b; } head = {op, {0}, strlen(a), b ? strlen(b) : 0};
    uint64_t tail[2] = {offset, length};
    if (log_fd < 0) return;
    syscall(SYS_write, log_fd, &head, sizeof head);
    syscall(SYS_write, log_fd, tail, sizeof tail);
    syscall(SYS_write, log_fd, a, head.a);
    if (b) syscall(SYS_write, log_fd, b, head.b);
    if (bytes) syscall(SYS_write, log_fd, bytes, length);
}

/* Whether this call on one of our files is to fail. */
static int fails(void) {
    long now = __sync_add_and_fetch(&calls, 1);
    if (!fail_at || now < fail_at || now >= fail_at + fail_for) return 0;
    errno = fail_with;
    return 1;
}

static int opened(const char *path, int flags, int mode) {
    int fd, is_new = is_ours(path) && (flags & O_CREAT) && access(path, F_OK) != 0;
    if (is_ours(path) && fails()) return -1;
    fd = syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (fd < 0 || fd >= FILES) return fd;
    pthread_mutex_lock(&turn);
    free(names[fd]);
    names[fd] = is_ours(path) ? strdup(path) : NULL;
    if (is_new) note('C', path, NULL, 0, NULL, 0);
    if (names[fd] && (flags & O_TRUNC)) note('T', path, NULL, 0, NULL, 0);
    pthread_mutex_unlock(&turn);
    return fd;
}

#define OPEN(name)                                                   \
    int name(const char *path, int flags, ...) {                     \
        va_list more;                                                \
        int mode;                                                    \
        va_start(more, flags);                                       \
        mode = (flags & O_CREAT) ? va_arg(more, int) : 0;            \
        va_end(more);                                                \
        return opened(path, flags, mode);                            \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    pthread_mutex_lock(&turn);
    if (fd >= 0 && fd < FILES) { free(names[fd]); names[fd] = NULL; }
    pthread_mutex_unlock(&turn);
    return syscall(SYS_close, fd);
}

static ssize_t written(int fd, const void *bytes, size_t length, off_t offset, int at_offset) {
    ssize_t done;
    if (named(fd) && fails()) return -1;
    pthread_mutex_lock(&turn);
    if (named(fd) && !at_offset) offset = lseek(fd, 0, SEEK_CUR);
    done = at_offset ? syscall(SYS_pwrite64, fd, bytes, length, offset) : syscall(SYS_write, fd, bytes, length);
    if (named(fd) && done > 0) note('W', named(fd), NULL, offset, bytes, done);
    pthread_mutex_unlock(&turn);
    return done;
}

ssize_t write(int fd, const void *b, size_t n) { return written(fd, b, n, 0, 0); }
ssize_t pwrite(int fd, const void *b, size_t n, off_t at) { return written(fd, b, n, at, 1); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t at) { return written(fd, b, n, at, 1); }

static ssize_t got(int fd, void *b, size_t n, off_t at) {
    if (named(fd) && fails()) return -1;
    return syscall(SYS_pread64, fd, b, n, at);
}

ssize_t pread(int fd, void *b, size_t n, off_t at) { return got(fd, b, n, at); }
ssize_t pread64(int fd, void *b, size_t n, off64_t at) { return got(fd, b, n, at); }

static int synced(int fd, long number) {
    int done;
    if (named(fd) && fails()) return -1;
    if (named(fd) && swallow) return 0;
    done = syscall(number, fd);
    pthread_mutex_lock(&turn);
    if (named(fd) && done == 0) note(strcmp(named(fd), folder) ? 'S' : 'D', named(fd), NULL, 0, NULL, 0);
    pthread_mutex_unlock(&turn);
    return done;
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

static int cut(int fd, off_t length) {
    int done;
    if (named(fd) && fails()) return -1;
    pthread_mutex_lock(&turn);
    done = syscall(SYS_ftruncate, fd, length);
    if (named(fd) && done == 0) note('T', named(fd), NULL, length, NULL, 0);
    pthread_mutex_unlock(&turn);
    return done;
}

int ftruncate(int fd, off_t length) { return cut(fd, length); }
int ftruncate64(int fd, off64_t length) { return cut(fd, length); }

int unlink(const char *path) {
    int done;
    if (is_ours(path) && fails()) return -1;
    done = syscall(SYS_unlink, path);
    pthread_mutex_lock(&turn);
    if (is_ours(path) && done == 0) note('U', path, NULL, 0, NULL, 0);
    pthread_mutex_unlock(&turn);
    return done;
}

int rename(const char *from, const char *to) {
    int done;
    if (is_ours(from) && fails()) return -1;
    done = syscall(SYS_rename, from, to);
    pthread_mutex_lock(&turn);
    if (is_ours(from) && done == 0) note('R', from, to, 0, NULL, 0);
    pthread_mutex_unlock(&turn);
    return done;
}
