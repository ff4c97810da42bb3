//go:build !(mpi && cgo)

package mpi

import (
	"errors"

	"github.com/simdrnn/simdrnn/dist"
)

// Built says whether the package was built with MPI.
const Built = false

// A World is all processes of a job.
type World struct{ dist.Group }

// Init returns an error: the package was built without MPI.
func Init() (*World, error) {
	return nil, errors.New("mpi: this program was built without MPI; install a C compiler, pkg-config and libopenmpi-dev (or libmpich-dev), and build it by CGO_ENABLED=1 go build -tags mpi (or -tags mpi,mpich)")
}

// Library is the name and version of the MPI library, "none" without one.
func Library() string { return "none" }
