//go:build mpich

package main

const tags = "mpi,mpich"

// starters are the names of mpirun, the first one before the others where several MPI
// libraries are installed.
var starters = []string{"mpirun.mpich", "mpiexec.hydra", "mpirun"}
