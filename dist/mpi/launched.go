package mpi

import "os"

// Launched says whether a launcher of MPI has started this process as one of its ranks: mpirun
// of Open MPI, MPICH and those made of it, or srun --mpi. It looks at the environment alone,
// and is true in a program that was built without MPI too, which can then say so in place
// of running as often as there are ranks.
func Launched() bool {
	for _, name := range launchers {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}

// launchers are the variables in which launchers tell a process its rank.
var launchers = []string{"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"}
