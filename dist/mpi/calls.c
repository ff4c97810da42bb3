//go:build mpi && cgo

#include "calls.h"

#include <mpi.h>
#include <sched.h>
#include <string.h>
#include <time.h>

// MPI waits in a loop that keeps a processor busy. Where there are more ranks than
// processors, or where the other threads of this process compute, the one that waits must
// give way: after some tries it yields, and after more of them it sleeps.
enum { YIELD_AFTER = 64, SLEEP_AFTER = 1024, SLEEP_NANOSECONDS = 50000 };

static int wait_for(MPI_Request *request) {
	for (int tries = 0;; tries++) {
		int done = 0;
		int err = MPI_Test(request, &done, MPI_STATUS_IGNORE);
		if (err != MPI_SUCCESS || done)
			return err;
		if (tries > SLEEP_AFTER) {
			struct timespec t = {0, SLEEP_NANOSECONDS};
			nanosleep(&t, 0);
		} else if (tries > YIELD_AFTER) {
			sched_yield();
		}
	}
}

int simdrnn_init(int *rank, int *size, int *provided) {
	int err = MPI_Init_thread(0, 0, MPI_THREAD_FUNNELED, provided);
	if (err == MPI_SUCCESS)
		err = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
	if (err == MPI_SUCCESS)
		err = MPI_Comm_rank(MPI_COMM_WORLD, rank);
	if (err == MPI_SUCCESS)
		err = MPI_Comm_size(MPI_COMM_WORLD, size);
	return err;
}

int simdrnn_finalize(void) { return MPI_Finalize(); }

int simdrnn_exchange(float *recv, const int *recv_counts, const int *recv_at, const float *send, const int *send_counts, const int *send_at) {
	MPI_Request r;
	int err = MPI_Ialltoallv(send, send_counts, send_at, MPI_FLOAT, recv, recv_counts, recv_at, MPI_FLOAT, MPI_COMM_WORLD, &r);
	return err == MPI_SUCCESS ? wait_for(&r) : err;
}

int simdrnn_collect(float *v, const int *counts, const int *at) {
	MPI_Request r;
	int err = MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_FLOAT, v, counts, at, MPI_FLOAT, MPI_COMM_WORLD, &r);
	return err == MPI_SUCCESS ? wait_for(&r) : err;
}

// all has one length for each rank, that of this rank in place.
int simdrnn_gather_lengths(int64_t *all) {
	MPI_Request r;
	int err = MPI_Iallgather(MPI_IN_PLACE, 0, MPI_INT64_T, all, 1, MPI_INT64_T, MPI_COMM_WORLD, &r);
	return err == MPI_SUCCESS ? wait_for(&r) : err;
}

int simdrnn_gather(char *all, const int *counts, const int *at, const char *mine, int n) {
	MPI_Request r;
	int err = MPI_Iallgatherv(mine, n, MPI_BYTE, all, counts, at, MPI_BYTE, MPI_COMM_WORLD, &r);
	return err == MPI_SUCCESS ? wait_for(&r) : err;
}

int simdrnn_broadcast(char *b, int n, int root) {
	MPI_Request r;
	int err = MPI_Ibcast(b, n, MPI_BYTE, root, MPI_COMM_WORLD, &r);
	return err == MPI_SUCCESS ? wait_for(&r) : err;
}

int simdrnn_barrier(void) {
	MPI_Request r;
	int err = MPI_Ibarrier(MPI_COMM_WORLD, &r);
	return err == MPI_SUCCESS ? wait_for(&r) : err;
}

int simdrnn_text(int code, char *text, int room) {
	char all[MPI_MAX_ERROR_STRING];
	int n = 0;
	int err = MPI_Error_string(code, all, &n);
	if (err != MPI_SUCCESS)
		return 0;
	if (n > room)
		n = room;
	memcpy(text, all, n);
	return n;
}

int simdrnn_library(char *text, int room) {
	char all[MPI_MAX_LIBRARY_VERSION_STRING];
	int n = 0;
	int err = MPI_Get_library_version(all, &n);
	if (err != MPI_SUCCESS)
		return 0;
	if (n > room)
		n = room;
	memcpy(text, all, n);
	return n;
}
