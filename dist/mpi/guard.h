// A process that ends a launcher which stays after its ranks were killed in MPI_Init.

#ifndef SIMDRNN_MPI_GUARD_H
#define SIMDRNN_MPI_GUARD_H

typedef struct {
	int process; // 0: there is none
	int tell;    // the end of a pipe
} simdrnn_guard;

// simdrnn_guard_start starts one that waits so many seconds, counted in tenths. There is none
// where none is needed. The result is an errno, 0 if nothing has failed.
int simdrnn_guard_start(simdrnn_guard *g, int tenths);

// simdrnn_guard_end ends it: MPI_Init has returned.
void simdrnn_guard_end(simdrnn_guard *g);

#endif
