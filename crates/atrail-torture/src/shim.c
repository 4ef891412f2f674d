/*
 * Stands between a program and the file system, for the files below one directory: writes every operation that changes
 * something into a trace, and can make one of them, or all from one on, fail. Loaded with LD_PRELOAD.
 *
 * One mutex is held over an operation and its record, so that the trace has the order of what happened. A sync is two
 * records, its begin and its end: only what was done before the begin is durable after the end. The sync itself is not
 * done: what a disk holds after a power loss is decided by whoever replays the trace.
 *
 * What calls the kernel without the C library is caught by a system call filter, where it matters: fallocate.
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
	uint64_t limit;      /* bytes that there is space for; 0: no limit */
	uint64_t used;       /* bytes that were taken since the program started, less those given back */
	uint64_t fired;      /* how many operations failed by this */
	uint64_t fired_op;   /* which kind the first of them was */
	uint64_t sync_usec;  /* how long a sync takes */
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
static unsigned char seen[MAX_FD]; /* 0: not looked at, 1: below the directory, 2: elsewhere */
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

/* The absolute name of a path, links not followed. */
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

/* The part of an absolute path below the directory, or nothing. */
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

/* Appends one record. The data is cut to what was written. */
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

/* What is to happen to the operation that comes. */
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

/* How far a file may grow now, if not to the size that it wants. */
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

/* Space that goes with the last name of a file. */
static uint64_t freed_by_removing(const char *path)
{
	struct stat st;
	return !lstat(path, &st) && S_ISREG(st.st_mode) && st.st_nlink == 1 ? (uint64_t)st.st_size : 0;
}

static int do_open(int dir, const char *path, int flags, mode_t mode)
{
	char full[PATH_MAX];
	absolute(dir, path, full);
	const char *name = below(full);
	if (!name || (flags & O_ACCMODE) == O_RDONLY) {
		int fd = real_openat(dir, path, flags, mode);
		if (fd >= 0 && fd < MAX_FD)
			seen[fd] = name ? 1 : 2;
		return fd;
	}
	pthread_mutex_lock(&lock);
	struct stat before;
	int is_new = (flags & O_CREAT) && lstat(full, &before);
	int cuts = !is_new && (flags & O_TRUNC) && !lstat(full, &before) && before.st_size;
	int is_stuck = control->fail_at && control->count >= control->fail_at && (control->how & STICKY);
	uint64_t nanos = now();
	enum fate f = is_new || cuts || is_stuck ? fate(is_new ? CREATE : RESIZE, name, -1) : DO;
	int fd = f == REFUSE ? refused() : real_openat(dir, path, flags, mode);
	if (fd >= 0) {
		if (fd < MAX_FD)
			seen[fd] = 1;
		struct stat st = stat_of(fd);
		if (is_new)
			note(&(struct what){CREATE, nanos, st.st_ino, 0, 0, name});
		if (cuts) {
			grew((uint64_t)before.st_size, 0);
			note(&(struct what){RESIZE, nanos, st.st_ino, 0, 0});
		}
		if (f == DO_AND_REFUSE) {
			real_close(fd);
			fd = refused();
		}
	}
	pthread_mutex_unlock(&lock);
	return fd;
}

#define MODE(flags) \
	mode_t mode = 0; \
	if ((flags) & (O_CREAT | __O_TMPFILE)) { \
		va_list more; \
		va_start(more, flags); \
		mode = va_arg(more, mode_t); \
		va_end(more); \
	}
int open(const char *path, int flags, ...) { MODE(flags) return do_open(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return do_open(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int dir, const char *path, int flags, ...) { MODE(flags) return do_open(dir, path, flags, mode); }
int openat64(int dir, const char *path, int flags, ...) { MODE(flags) return do_open(dir, path, flags | O_LARGEFILE, mode); }
int creat(const char *path, mode_t mode) { return do_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

int close(int fd)
{
	if (fd >= 0 && fd < MAX_FD)
		seen[fd] = 0;
	return real_close(fd);
}

/* Writes at an offset, or where the file stands when it is negative. */
static ssize_t do_write(int fd, const struct iovec *data, int pieces, off_t offset)
{
	size_t len = 0;
	for (int i = 0; i < pieces; i++)
		len += data[i].iov_len;
	pthread_mutex_lock(&lock);
	struct stat st = stat_of(fd);
	uint64_t size = (uint64_t)st.st_size, nanos = now();
	off_t at = offset;
	if (at < 0)
		at = fcntl(fd, F_GETFL) & O_APPEND ? st.st_size : lseek(fd, 0, SEEK_CUR);
	enum fate f = fate(WRITE, NULL, fd);
	ssize_t done;
	uint64_t end = admit(size, (uint64_t)at + len);
	if (f == REFUSE) {
		done = refused();
	} else if (end < (uint64_t)at + len) {
		/* As much as there is space for, and nothing when there is none. */
		size_t fits = end > (uint64_t)at ? (size_t)(end - (uint64_t)at) : 0;
		fits = fits < data[0].iov_len ? fits : data[0].iov_len;
		errno = ENOSPC;
		done = !fits ? -1 : offset < 0 ? real_write(fd, data[0].iov_base, fits) : real_pwrite(fd, data[0].iov_base, fits, at);
	} else {
		done = offset < 0 ? real_writev(fd, data, pieces) : real_pwritev(fd, data, pieces, at);
	}
	if (done > 0) {
		uint64_t after = (uint64_t)at + (uint64_t)done;
		if (after > size)
			grew(size, after);
		note(&(struct what){WRITE, nanos, st.st_ino, (uint64_t)at, 0, NULL, NULL, data, pieces, (size_t)done});
	}
	if (f == DO_AND_REFUSE)
		done = refused();
	pthread_mutex_unlock(&lock);
	return done;
}

#define ONE(data, len) struct iovec one = {(void *)(data), len}
ssize_t write(int fd, const void *data, size_t len)
{
	ONE(data, len);
	return is_ours(fd) ? do_write(fd, &one, 1, -1) : real_write(fd, data, len);
}
ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
	ONE(data, len);
	return is_ours(fd) ? do_write(fd, &one, 1, at) : real_pwrite(fd, data, len, at);
}
ssize_t pwrite(int fd, const void *data, size_t len, off_t at) { return pwrite64(fd, data, len, at); }
ssize_t writev(int fd, const struct iovec *data, int n)
{
	return is_ours(fd) ? do_write(fd, data, n, -1) : real_writev(fd, data, n);
}
ssize_t pwritev64(int fd, const struct iovec *data, int n, off64_t at)
{
	return is_ours(fd) ? do_write(fd, data, n, at) : real_pwritev(fd, data, n, at);
}
ssize_t pwritev(int fd, const struct iovec *data, int n, off_t at) { return pwritev64(fd, data, n, at); }

int ftruncate64(int fd, off64_t to)
{
	if (!is_ours(fd))
		return real_ftruncate(fd, to);
	pthread_mutex_lock(&lock);
	struct stat st = stat_of(fd);
	uint64_t nanos = now();
	enum fate f = fate(RESIZE, NULL, fd);
	/* A hole takes no space. */
	int done = f == REFUSE ? refused() : real_ftruncate(fd, to);
	if (!done) {
		if (to < st.st_size)
			grew((uint64_t)st.st_size, (uint64_t)to);
		note(&(struct what){RESIZE, nanos, st.st_ino, 0, (uint64_t)to});
	}
	if (f == DO_AND_REFUSE)
		done = refused();
	pthread_mutex_unlock(&lock);
	return done;
}
int ftruncate(int fd, off_t to) { return ftruncate64(fd, to); }

static int do_sync(int fd)
{
	pthread_mutex_lock(&lock);
	struct stat st = stat_of(fd);
	uint64_t id = ++syncs;
	enum fate f = fate(SYNC_BEGIN, NULL, fd);
	if (f == REFUSE) {
		note(&(struct what){SYNC_FAILED, now(), st.st_ino, id, (uint64_t)st.st_size});
		int done = refused();
		pthread_mutex_unlock(&lock);
		return done;
	}
	note(&(struct what){SYNC_BEGIN, now(), st.st_ino, id, (uint64_t)st.st_size});
	uint64_t usec = control->sync_usec;
	pthread_mutex_unlock(&lock);
	if (usec)
		usleep((useconds_t)(usec / 2 + (id * 7919) % usec));
	pthread_mutex_lock(&lock);
	note(&(struct what){SYNC_END, now(), st.st_ino, id, (uint64_t)st.st_size});
	int done = f == DO_AND_REFUSE ? refused() : 0;
	pthread_mutex_unlock(&lock);
	return done;
}
int fsync(int fd) { return is_ours(fd) ? do_sync(fd) : real_fsync(fd); }
int fdatasync(int fd) { return is_ours(fd) ? do_sync(fd) : real_fdatasync(fd); }
/* Promises nothing about what the disk's own cache holds: it is left out. */
int sync_file_range(int fd, off64_t at, off64_t len, unsigned flags) { return (void)fd, (void)at, (void)len, (void)flags, 0; }

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	char a[PATH_MAX], b[PATH_MAX];
	absolute(from_dir, from, a);
	absolute(to_dir, to, b);
	if (!below(a) || !below(b))
		return real_renameat2(from_dir, from, to_dir, to, flags);
	pthread_mutex_lock(&lock);
	uint64_t freed = freed_by_removing(b), nanos = now();
	enum fate f = fate(RENAME, below(b), -1);
	int done = f == REFUSE ? refused() : real_renameat2(from_dir, from, to_dir, to, flags);
	if (!done) {
		grew(freed, 0);
		note(&(struct what){RENAME, nanos, 0, 0, 0, below(a), below(b)});
	}
	if (f == DO_AND_REFUSE)
		done = refused();
	pthread_mutex_unlock(&lock);
	return done;
}
int renameat(int from_dir, const char *from, int to_dir, const char *to) { return renameat2(from_dir, from, to_dir, to, 0); }
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	char a[PATH_MAX], b[PATH_MAX];
	absolute(from_dir, from, a);
	absolute(to_dir, to, b);
	if (!below(a) || !below(b))
		return real_linkat(from_dir, from, to_dir, to, flags);
	pthread_mutex_lock(&lock);
	uint64_t nanos = now();
	enum fate f = fate(LINK, below(b), -1);
	int done = f == REFUSE ? refused() : real_linkat(from_dir, from, to_dir, to, flags);
	if (!done)
		note(&(struct what){LINK, nanos, 0, 0, 0, below(a), below(b)});
	if (f == DO_AND_REFUSE)
		done = refused();
	pthread_mutex_unlock(&lock);
	return done;
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int dir, const char *path, int flags)
{
	char full[PATH_MAX];
	absolute(dir, path, full);
	const char *name = below(full);
	if (!name)
		return real_unlinkat(dir, path, flags);
	pthread_mutex_lock(&lock);
	enum op op = flags & AT_REMOVEDIR ? RMDIR : UNLINK;
	uint64_t freed = freed_by_removing(full), nanos = now();
	struct stat st;
	/* What would fail anyway changes nothing and does not count. */
	enum fate f = lstat(full, &st) ? DO : fate(op, name, -1);
	int done = f == REFUSE ? refused() : real_unlinkat(dir, path, flags);
	if (!done) {
		grew(freed, 0);
		note(&(struct what){op, nanos, 0, 0, 0, name});
	}
	if (f == DO_AND_REFUSE)
		done = refused();
	pthread_mutex_unlock(&lock);
	return done;
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int dir, const char *path, mode_t mode)
{
	char full[PATH_MAX];
	absolute(dir, path, full);
	const char *name = below(full);
	if (!name)
		return real_mkdirat(dir, path, mode);
	pthread_mutex_lock(&lock);
	struct stat st;
	uint64_t nanos = now();
	enum fate f = lstat(full, &st) ? fate(MKDIR, name, -1) : DO;
	int done = f == REFUSE ? refused() : real_mkdirat(dir, path, mode);
	if (!done && !lstat(full, &st))
		note(&(struct what){MKDIR, nanos, st.st_ino, 0, 0, name});
	if (f == DO_AND_REFUSE)
		done = refused();
	pthread_mutex_unlock(&lock);
	return done;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

/* As the kernel answers: the negative errno. */
static long do_fallocate(int fd, int mode, off_t at, off_t len)
{
	if (!is_ours(fd)) {
		long done = syscall(SYS_fallocate, fd, mode, at, len, COOKIE, COOKIE);
		return done < 0 ? -errno : done;
	}
	pthread_mutex_lock(&lock);
	struct stat st = stat_of(fd);
	uint64_t size = (uint64_t)st.st_size, wanted = (uint64_t)at + (uint64_t)len, nanos = now();
	wanted = mode & FALLOC_FL_KEEP_SIZE || wanted < size ? size : wanted;
	enum fate f = fate(ALLOCATE, NULL, fd);
	long done = 0;
	if (f == REFUSE)
		done = -(long)control->error;
	else if (admit(size, wanted) < wanted)
		done = -ENOSPC;
	else if (syscall(SYS_fallocate, fd, mode, at, len, COOKIE, COOKIE) < 0)
		done = -errno;
	if (!done) {
		grew(size, wanted);
		note(&(struct what){ALLOCATE, nanos, st.st_ino, 0, wanted});
	}
	if (f == DO_AND_REFUSE)
		done = -(long)control->error;
	pthread_mutex_unlock(&lock);
	return done;
}

static void on_trap(int signal, siginfo_t *info, void *context)
{
	ucontext_t *c = context;
	int saved = errno;
	(void)signal;
	(void)info;
#if defined(__x86_64__)
	greg_t *g = c->uc_mcontext.gregs;
	g[REG_RAX] = do_fallocate((int)g[REG_RDI], (int)g[REG_RSI], g[REG_RDX], g[REG_R10]);
#elif defined(__aarch64__)
	unsigned long long *r = c->uc_mcontext.regs;
	r[0] = (unsigned long long)do_fallocate((int)r[0], (int)r[1], (off_t)r[2], (off_t)r[3]);
#endif
	errno = saved;
}

/* Calls that carry the cookie where fallocate has no argument are our own. */
static void catch_fallocate(void)
{
#if defined(__x86_64__) || defined(__aarch64__)
	struct sigaction action;
	memset(&action, 0, sizeof action);
	action.sa_sigaction = on_trap;
	action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
	sigaction(SIGSYS, &action, NULL);
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fallocate, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)COOKIE, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
	if (!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		control->ready = 3;
#endif
}
