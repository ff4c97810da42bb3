//go:build !mpich

package mpi_test

const tags = "mpi"

// launchers are the names of mpirun, the first one before the others where several MPI
// libraries are installed.
var launchers = []string{"mpirun.openmpi", "mpirun"}
