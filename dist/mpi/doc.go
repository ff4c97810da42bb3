// Package mpi makes the processes that mpirun starts a group of ranks: Open MPI or MPICH,
// through cgo. It is a module of its own, so that nobody who trains on one machine needs a C
// compiler.
//
//	apt-get install gcc pkg-config libopenmpi-dev openmpi-bin
//	go install -tags mpi ./charlm-mpi
//	mpirun -n 2 charlm-mpi -text FILE
//
// With the tags mpi and mpich it is built for MPICH (libmpich-dev, mpich). Without the tag
// mpi, or without cgo, everything compiles and Init returns an error that says what is
// missing.
//
// MPI is not elastic: when a rank ends without Close, or is killed, mpirun ends all others.
// Where mpirun of Open MPI would stay, after a rank was killed in MPI_Init, a guard that Init
// has started ends it: see EnvLauncher.
// Train with a Plan.Checkpoint.Dir, and start the job again: it goes on from the last
// checkpoint, on as many ranks as there are now.
package mpi
