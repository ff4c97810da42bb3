//go:build mpich

package mpi_test

const tags = "mpi,mpich"

// launchers are the names of mpirun, the first one before the others where several MPI
// libraries are installed.
var launchers = []string{"mpirun.mpich", "mpiexec.hydra", "mpirun"}
