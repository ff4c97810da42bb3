// What package mpi calls of MPI. Each function returns when the operation is complete on
// this rank, and keeps no pointer after that. The result is the error code of MPI.

#ifndef SIMDRNN_MPI_H
#define SIMDRNN_MPI_H

#include <stdint.h>

int simdrnn_init(int *rank, int *size, int *provided);
int simdrnn_finalize(void);
int simdrnn_exchange(float *recv, const int *recv_counts, const int *recv_at, const float *send, const int *send_counts, const int *send_at);
int simdrnn_collect(float *v, const int *counts, const int *at);
int simdrnn_gather_lengths(int64_t *all);
int simdrnn_gather(char *all, const int *counts, const int *at, const char *mine, int n);
int simdrnn_broadcast(char *b, int n, int root);
int simdrnn_barrier(void);
int simdrnn_text(int code, char *text, int room);
int simdrnn_library(char *text, int room);

#endif
