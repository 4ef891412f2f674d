/*
 * The state behind the hooks of shim.c: which files are watched, the trace, which operation must fail, and how much
 * space is left.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

/* The same numbers as in trace.rs. */
enum op { CREATE = 1, WRITE, RESIZE, ALLOCATE, SYNC_BEGIN, SYNC_END, SYNC_FAILED, RENAME, LINK, UNLINK, MKDIR, RMDIR };

/* Shared with the test: the same layout as in control.rs. */
struct control {
	uint64_t ready;      /* 1: loaded; 3: fallocate is caught as well */
	uint64_t count;      /* operations so far */
	uint64_t fail_at;    /* fail this one; 0: none */
	uint32_t error;      /* with this errno */
	uint32_t how;        /* 1: after doing it; 2: every one from there on */
	uint64_t limit;      /* bytes of space; 0: no limit */
	uint64_t used;       /* bytes allocated since the program started, less those freed */
	uint64_t fired;      /* how many operations failed because of fail_at */
	uint64_t fired_op;   /* kind of the first of them */
	uint64_t sync_usec;  /* duration of a sync */
	char fired_path[192];
};
enum how { AFTER = 1, STICKY = 2 };

struct record {
	uint32_t magic, op;
	uint64_t nanos, ino, offset, size;
	uint32_t path_len, other_len, data_len, zero;
};

#define COOKIE 0x61747261696cULL
#define MAX_FD 65536
#define BLOCK 4096ULL

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX];
static size_t root_len;
static int trace = -1;
static struct control none, *control = &none;
static unsigned char seen[MAX_FD]; /* 0: not checked, 1: below the directory, 2: elsewhere */
static uint64_t syncs;

#define REAL(type, name, ...) static type (*real_##name)(__VA_ARGS__)
REAL(int, open, const char *, int, ...);
REAL(int, openat, int, const char *, int, ...);
REAL(int, close, int);
REAL(ssize_t, write, int, const void *, size_t);
REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
REAL(ssize_t, writev, int, const struct iovec *, int);
REAL(ssize_t, pwritev, int, const struct iovec *, int, off_t);
REAL(int, ftruncate, int, off_t);
REAL(int, fsync, int);
REAL(int, fdatasync, int);
REAL(int, renameat2, int, const char *, int, const char *, unsigned);
REAL(int, linkat, int, const char *, int, const char *, int);
REAL(int, unlinkat, int, const char *, int);
REAL(int, mkdirat, int, const char *, mode_t);

static void catch_fallocate(void);

__attribute__((constructor)) static void begin(void)
{
#define FIND(name, symbol) *(void **)&real_##name = dlsym(RTLD_NEXT, symbol)
	FIND(open, "open64");
	FIND(openat, "openat64");
	FIND(close, "close");
	FIND(write, "write");
	FIND(pwrite, "pwrite64");
	FIND(writev, "writev");
	FIND(pwritev, "pwritev64");
	FIND(ftruncate, "ftruncate64");
	FIND(fsync, "fsync");
	FIND(fdatasync, "fdatasync");
	FIND(renameat2, "renameat2");
	FIND(linkat, "linkat");
	FIND(unlinkat, "unlinkat");
	FIND(mkdirat, "mkdirat");
	const char *dir = getenv("ATRAIL_SHIM_DIR"), *to = getenv("ATRAIL_SHIM_TRACE"), *by = getenv("ATRAIL_SHIM_CONTROL");
	if (!dir || !to || !by)
		return;
	int fd = real_open(by, O_RDWR | O_CLOEXEC);
	void *page = fd < 0 ? MAP_FAILED : mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	trace = real_open(to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (page == MAP_FAILED || trace < 0)
		return;
	if (fd >= 0)
		real_close(fd);
	control = page;
	root_len = (size_t)snprintf(root, sizeof root, "%s", dir);
	control->ready = 1;
	catch_fallocate();
}

/* Writes the absolute name of a path to `out`, without following links. */
static void absolute(int dir, const char *path, char *out)
{
	char base[PATH_MAX], link[64];
	if (path[0] == '/') {
		snprintf(out, PATH_MAX, "%s", path);
		return;
	}
	if (dir == AT_FDCWD) {
		if (!getcwd(base, sizeof base))
			base[0] = 0;
	} else {
		snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
		ssize_t len = readlink(link, base, sizeof base - 1);
		base[len < 0 ? 0 : len] = 0;
	}
	size_t len = strlen(base);
	memcpy(out, base, len);
	snprintf(out + len, PATH_MAX - len, "/%s", path);
}

/* Returns the part of an absolute path below the directory, or NULL. */
static const char *below(const char *path)
{
	if (!root_len || strncmp(path, root, root_len) || (path[root_len] && path[root_len] != '/'))
		return NULL;
	return path[root_len] ? path + root_len + 1 : path + root_len;
}

static int is_ours(int fd)
{
	if (!root_len || fd < 0 || fd >= MAX_FD || fd == trace)
		return 0;
	if (!seen[fd]) {
		struct stat st;
		char path[PATH_MAX], link[64];
		seen[fd] = 2;
		if (!fstat(fd, &st) && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) {
			snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
			ssize_t len = readlink(link, path, sizeof path - 1);
			path[len < 0 ? 0 : len] = 0;
			if (below(path))
				seen[fd] = 1;
		}
	}
	return seen[fd] == 1;
}

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

struct what {
	enum op op;
	uint64_t nanos, ino, offset, size;
	const char *path, *other;
	const struct iovec *data;
	int pieces;
	size_t data_len;
};

/* Appends one record, with only the bytes that were written. */
static void note(const struct what *w)
{
	struct record r = {0x31525441, w->op, w->nanos, w->ino, w->offset, w->size,
		w->path ? (uint32_t)strlen(w->path) : 0, w->other ? (uint32_t)strlen(w->other) : 0, (uint32_t)w->data_len, 0};
	struct iovec all[3] = {{&r, sizeof r}, {(void *)w->path, r.path_len}, {(void *)w->other, r.other_len}};
	int saved = errno;
	if (real_writev(trace, all, 3) < 0)
		abort();
	size_t left = w->data_len;
	for (int i = 0; i < w->pieces && left; i++) {
		size_t at = 0, len = w->data[i].iov_len < left ? w->data[i].iov_len : left;
		while (at < len) {
			ssize_t n = real_write(trace, (const char *)w->data[i].iov_base + at, len - at);
			if (n <= 0)
				abort();
			at += (size_t)n;
		}
		left -= len;
	}
	errno = saved;
}

/* What happens to the next operation. */
enum fate { DO = 0, REFUSE, DO_AND_REFUSE };

static enum fate fate(enum op op, const char *path, int fd)
{
	uint64_t n = ++control->count;
	if (!control->fail_at || n < control->fail_at || (n > control->fail_at && !(control->how & STICKY)))
		return DO;
	if (!control->fired++) {
		char link[64], name[192] = "";
		if (!path) {
			snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
			ssize_t len = readlink(link, name, sizeof name - 1);
			name[len < 0 ? 0 : len] = 0;
			path = below(name) ? below(name) : name;
		}
		control->fired_op = op;
		snprintf(control->fired_path, sizeof control->fired_path, "%s", path);
	}
	return control->how & AFTER ? DO_AND_REFUSE : REFUSE;
}

static int refused(void)
{
	errno = (int)control->error;
	return -1;
}

static uint64_t blocks(uint64_t size) { return (size + BLOCK - 1) / BLOCK * BLOCK; }

/* Returns the size to which a file may grow now: the wanted one, or less. */
static uint64_t admit(uint64_t size, uint64_t wanted)
{
	if (!control->limit || blocks(wanted) <= blocks(size))
		return wanted;
	uint64_t room = control->limit > control->used ? (control->limit - control->used) / BLOCK * BLOCK : 0;
	uint64_t most = blocks(size) + room;
	return most < wanted ? most : wanted;
}

static void grew(uint64_t before, uint64_t after)
{
	control->used += blocks(after) - blocks(before);
}

static struct stat stat_of(int fd)
{
	struct stat st;
	memset(&st, 0, sizeof st);
	fstat(fd, &st);
	return st;
}

/* Returns the space that becomes free with the last name of a file. */
static uint64_t freed_by_removing(const char *path)
{
	struct stat st;
	return !lstat(path, &st) && S_ISREG(st.st_mode) && st.st_nlink == 1 ? (uint64_t)st.st_size : 0;
}
