package main

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/pages"
)

// The programs of this module know every flag that pages and comments have in their commands.
func TestCommandsOfPages(t *testing.T) {
	all := pages.Commands(t, "..")
	for _, name := range []string{"", "curves", "fingerprint"} {
		program := filepath.Join(t.TempDir(), "program.exe")
		if out, err := exec.Command("go", "build", "-o", program, "./"+name).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		commands := 0
		for _, c := range all {
			if args, ok := c.Run("bench", name); ok {
				c.KnowsFlags(t, program, args)
				commands++
			}
		}
		if commands == 0 {
			t.Errorf("no page has a command of %q", name)
		}
	}
}
