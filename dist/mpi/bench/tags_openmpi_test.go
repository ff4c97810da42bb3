//go:build !mpich

package main

const tags = "mpi"

// starters are the names of mpirun, the first one before the others where several MPI
// libraries are installed.
var starters = []string{"mpirun.openmpi", "mpirun"}
