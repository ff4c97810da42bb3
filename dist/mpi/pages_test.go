package mpi_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest/pages"
)

// TestCommandsOfPages: the programs know every flag that pages and comments have in their
// commands. Flags need no MPI.
func TestCommandsOfPages(t *testing.T) {
	all := pages.Commands(t, filepath.Join("..", ".."))
	for _, name := range []string{"charlm-mpi", "bench"} {
		program := filepath.Join(t.TempDir(), "program.exe")
		out, err := exec.Command("go", "build", "-o", program, "./"+name).CombinedOutput()
		require.NoError(t, err, "%s", out)
		commands := 0
		for _, c := range all {
			if args, ok := c.Run("dist/mpi", name); ok {
				c.KnowsFlags(t, program, args)
				commands++
			}
		}
		require.NotZero(t, commands, "no page has a command of %s", name)
	}
}
