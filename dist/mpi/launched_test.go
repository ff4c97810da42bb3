package mpi_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/dist/mpi"
)

// TestLaunched: with and without MPI a program knows the variables of launchers.
func TestLaunched(t *testing.T) {
	names := []string{"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"}
	for _, name := range names {
		t.Setenv(name, "")
	}
	require.False(t, mpi.Launched())
	for _, name := range names {
		t.Setenv(name, "0")
		require.True(t, mpi.Launched(), name)
		t.Setenv(name, "")
	}
}
