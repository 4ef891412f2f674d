/*
 * Stands between a program and the file system, for the files below one directory. It records every operation that
 * changes something in a trace, and can make one operation, or all from one on, fail. Loaded with LD_PRELOAD.
 *
 * The shim holds one mutex over an operation and its record, so that the trace has the true order. A sync is two
 * records, its begin and its end: only changes before the begin are durable after the end. The shim does not perform
 * the sync: the program that replays the trace decides what the disk holds after a power loss.
 *
 * A system call filter catches the one relevant call that bypasses the C library: fallocate.
 */
#include "watch.h"

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

/* Writes at an offset, or at the file's position when the offset is negative. */
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
		/* Writes as much as there is space for. */
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
/* Does nothing: this call promises nothing about the disk's own cache. */
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
	/* An operation that would fail anyway changes nothing and does not count. */
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

/* Returns what the kernel would: the negative errno on failure. */
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

/* The shim marks its own calls with a cookie in a position where fallocate has no argument. */
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
