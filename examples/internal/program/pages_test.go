package program

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCommandsOfPages: the programs know every flag that the pages of tasks and the README have
// in their commands, and each flag has the value that it needs. A last flag that no program has
// is what must be wrong: one that needs a value would take it for that.
func TestCommandsOfPages(t *testing.T) {
	examples := filepath.Join("..", "..")
	pages, err := filepath.Glob(filepath.Join(examples, "..", "docs", "training", "*.md"))
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	built := t.TempDir()
	build := exec.Command("go", "build", "-o", built+string(filepath.Separator), "./...")
	build.Dir = examples
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	line := regexp.MustCompile(`(?m)^ *go -C examples run \./(\w+)(.*)$`)
	word := regexp.MustCompile(`"([^"]*)"|'([^']*)'|(\S+)`)
	commands := 0
	for _, page := range append(pages, filepath.Join(examples, "..", "README.md")) {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, command := range line.FindAllStringSubmatch(string(text), -1) {
			var args []string
			for _, w := range word.FindAllStringSubmatch(command[2], -1) {
				args = append(args, w[1]+w[2]+w[3])
			}
			program := exec.Command(filepath.Join(built, command[1]), append(args, "-no-such-flag")...)
			program.Dir = t.TempDir()
			said, err := program.CombinedOutput()
			require.Error(t, err, command[0])
			require.Contains(t, string(said), "flag provided but not defined: -no-such-flag", "%s: %s", filepath.Base(page), strings.TrimSpace(command[0]))
			commands++
		}
	}
	require.Greater(t, commands, 10)
}
