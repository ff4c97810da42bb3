//go:build mpi && cgo

// Open MPI's mpirun, and the orted that it starts on other machines, contain a server of PMIx.
// A rank that is killed after it has sent its first message to that server, and before it has
// the answer, makes the server release a description of the rank once too often. The server
// reads the freed memory when it ends, takes what is there now for a lock that is held, and
// waits for ever. So mpirun says that a rank was killed, kills the others, and stays. PMIx
// 4.1 to 6.1 have this fault; "Do not abort the server when a host rejects a connection", commit
// 80dd4e3 of openpmix, mends it.
//
// No rank is left then. So each rank starts a small process before MPI_Init, which leaves the
// process group that mpirun kills, and ends when MPI_Init has returned. If the rank ends
// before that, it looks at the launcher: one that has no living child for some seconds, and has
// not ended, is killed.

#define _GNU_SOURCE // pipe2

#include "guard.h"

#include <mpi.h>

#if defined(OPEN_MPI) && defined(__linux__)

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// own_name is what ps says of a guard.
static const char own_name[] = "simdrnn-guard";

// A process as /proc has it. Its number may be used anew, its number and begin are not.
typedef struct {
	int pid, parent;
	char state;
	char name[32];
	unsigned long long begin;
} process;

// number appends n in decimal digits to a text of at most 255 bytes. The code of the guard
// calls nothing that may wait for a lock which another thread held at the fork.
static void number(char *text, unsigned n) {
	char digits[12];
	int at = sizeof digits;
	digits[--at] = 0;
	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	strncat(text, digits + at, 255 - strlen(text));
}

static void path(char *text, int pid, const char *file) {
	strcpy(text, "/proc/");
	number(text, (unsigned)pid);
	strncat(text, file, 255 - strlen(text));
}

// look reads what /proc says of a process. It returns 0 if there is none.
static int look(process *p, int pid) {
	char b[1024], *s;
	path(b, pid, "/stat");
	int f = open(b, O_RDONLY | O_CLOEXEC);
	if (f < 0)
		return 0;
	ssize_t n = read(f, b, sizeof b - 1);
	close(f);
	if (n <= 0)
		return 0;
	b[n] = 0;
	char *open_ = strchr(b, '('), *close_ = strrchr(b, ')');
	if (!open_ || !close_ || close_[1] != ' ')
		return 0;
	size_t length = (size_t)(close_ - open_ - 1);
	if (length >= sizeof p->name)
		length = sizeof p->name - 1;
	memcpy(p->name, open_ + 1, length);
	p->name[length] = 0;
	p->pid = pid;
	p->state = close_[2];
	s = close_ + 4;
	p->parent = (int)strtol(s, &s, 10);
	for (int field = 5; field < 22 && *s; field++) // the next field is the 22nd, starttime
		s = strchr(s + 1, ' ') ? strchr(s + 1, ' ') : s + strlen(s);
	p->begin = strtoull(s, 0, 10);
	return 1;
}

// starts says whether a program of that name starts ranks of Open MPI. Some systems append the
// library to the names, and Linux a remark where the file has been replaced since.
static int starts(const char *name) {
	static const char *const names[] = {"mpirun", "mpiexec", "orterun", "orted", "prterun"};
	static const char *const after[] = {"", ".openmpi", "-openmpi", " (deleted)"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t n = strlen(names[i]);
		if (strncmp(name, names[i], n) != 0)
			continue;
		for (size_t k = 0; k < sizeof after / sizeof *after; k++)
			if (strcmp(name + n, after[k]) == 0)
				return 1;
	}
	return 0;
}

// launcher finds the process of Open MPI that has started this one, maybe by a script. It
// returns 0 if there is none. What counts is the file of the program: a process has the name
// of the link that it was called by, or of a script. Where the file cannot be seen, from a
// container that shares only the processes say, the name counts.
static int launcher(process *p) {
	int pid = getppid();
	for (int up = 0; up < 8 && pid > 0 && look(p, pid); up++, pid = p->parent) {
		char link[256], file[1024];
		path(link, pid, "/exe");
		ssize_t n = readlink(link, file, sizeof file - 1);
		file[n < 0 ? 0 : n] = 0;
		const char *name = n < 0 ? p->name : strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
		if (starts(name))
			return 1;
	}
	return 0;
}

// there says whether a process has not ended.
static int there(const process *p) {
	process now;
	return look(&now, p->pid) && now.begin == p->begin && now.state != 'Z' && now.state != 'X';
}

// busy says whether a process has a living child. It says so too if it cannot know. Guards do
// not count: where the launcher is process 1 of a container, those whose ranks have ended are
// its children.
static int busy(const process *p) {
	struct entry {
		uint64_t inode;
		int64_t next;
		unsigned short length;
		unsigned char type;
		char name[];
	};
	_Alignas(8) char b[8192];
	int found = 0, f = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f < 0)
		return 1;
	for (;;) {
		long n = syscall(SYS_getdents64, f, b, sizeof b);
		if (n < 0)
			found = 1;
		if (n <= 0 || found)
			break;
		for (long at = 0; at < n && !found;) {
			const struct entry *e = (const struct entry *)(b + at);
			process child;
			if (e->name[0] >= '1' && e->name[0] <= '9' && look(&child, atoi(e->name)))
				found = child.parent == p->pid && child.state != 'Z' && child.state != 'X' && strcmp(child.name, own_name) != 0;
			at += e->length;
		}
	}
	close(f);
	return found;
}

static void rest(int milliseconds) {
	struct timespec t = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
	nanosleep(&t, 0);
}

// say writes to where the launcher writes its errors.
static void say(const process *p, int tenths) {
	char b[256] = "";
	path(b, p->pid, "/fd/2");
	int f = open(b, O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK);
	if (f < 0)
		return;
	char text[512] = "simdrnn: a rank was killed in MPI_Init; ";
	strncat(text, p->name, 32);
	strcat(text, " (process ");
	number(text, (unsigned)p->pid);
	strcat(text, ") has no process left and did not end in ");
	number(text, (unsigned)tenths / 10);
	strcat(text, ".");
	number(text, (unsigned)tenths % 10);
	strcat(text, p->pid == 1 ? " seconds. It is process 1 of a container, which nothing in it can kill: end the container, and start it with an init\n"
		: " seconds, so it is killed; start the job again\n");
	ssize_t written = write(f, text, strlen(text));
	(void)written;
	close(f);
}

// guard waits until the rank tells that MPI_Init has returned, or ends.
static void guard(int told, const process *p, int tenths, int rank) {
	char b;
	ssize_t n;
	while ((n = read(told, &b, 1)) < 0 && errno == EINTR)
		;
	if (n != 0)
		return;
	// Ranks of one launcher do not all say the same at the same time.
	rest(rank % 20 * 130);
	for (int idle = 0; idle < tenths; rest(100)) {
		if (!there(p))
			return;
		idle = busy(p) ? 0 : idle + 1;
	}
	if (there(p)) {
		say(p, tenths);
		kill(p->pid, SIGKILL);
	}
}

int simdrnn_guard_start(simdrnn_guard *g, int tenths) {
	process p;
	g->process = 0;
	if (!launcher(&p))
		return 0;
	const char *text = getenv("OMPI_COMM_WORLD_RANK");
	int rank = text ? atoi(text) : 0;
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return errno;
	// A new process has the name of the thread that made it: none is taken for a rank.
	char name[16] = "";
	prctl(PR_GET_NAME, name);
	prctl(PR_SET_NAME, own_name);
	// The handlers of Go must not run in a process that has none of its other threads.
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t child = fork();
	int wrong = child < 0 ? errno : 0;
	if (child == 0) {
		setsid();
		// mpirun waits for the end of what its ranks print, others for the end of pipes.
		dup2(ends[0], 0);
#ifdef SYS_close_range
		if (syscall(SYS_close_range, 1u, ~0u, 0u) != 0)
#endif
			for (int f = 1; f < 65536; f++)
				close(f);
		guard(0, &p, tenths, rank < 0 ? 0 : rank);
		_exit(0);
	}
	pthread_sigmask(SIG_SETMASK, &before, 0);
	prctl(PR_SET_NAME, name);
	close(ends[0]);
	if (wrong) {
		close(ends[1]);
		return wrong;
	}
	g->process = child;
	g->tell = ends[1];
	return 0;
}

void simdrnn_guard_end(simdrnn_guard *g) {
	if (!g->process)
		return;
	ssize_t written = write(g->tell, "", 1);
	(void)written;
	close(g->tell);
	while (waitpid(g->process, 0, 0) < 0 && errno == EINTR)
		;
	g->process = 0;
}

#else

int simdrnn_guard_start(simdrnn_guard *g, int tenths) {
	(void)tenths;
	g->process = 0;
	return 0;
}

void simdrnn_guard_end(simdrnn_guard *g) { (void)g; }

#endif
