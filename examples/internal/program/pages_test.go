package program

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest/pages"
)

// TestCommandsOfPages: the programs know every flag that pages and comments have in their
// commands, and each flag has the value that it needs.
func TestCommandsOfPages(t *testing.T) {
	examples := filepath.Join("..", "..")
	built := t.TempDir()
	build := exec.Command("go", "build", "-o", built+string(filepath.Separator), "./...")
	build.Dir = examples
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	files, err := os.ReadDir(built)
	require.NoError(t, err)
	all := pages.Commands(t, filepath.Join(examples, ".."))
	for _, file := range files {
		name, commands := file.Name(), 0
		if ext := filepath.Ext(name); ext != "" { // .exe
			name = name[:len(name)-len(ext)]
		}
		for _, c := range all {
			if args, ok := c.Run("examples", name); ok {
				c.KnowsFlags(t, filepath.Join(built, file.Name()), args)
				commands++
			}
		}
		require.NotZero(t, commands, "no page has a command of %s", name)
	}
}
