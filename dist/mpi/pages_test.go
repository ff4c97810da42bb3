package mpi_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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

// TestPageCompiles: the Go of the README is what the packages have.
func TestPageCompiles(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	pieces := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(text, -1)
	require.Len(t, pieces, 1)
	program := filepath.Join(t.TempDir(), "main.go")
	require.NoError(t, os.WriteFile(program, []byte(`package main

import (
	"log"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/dist/mpi"
)

func main() {
`+string(pieces[0][1])+`
	_, _ = bptt.NewTrainer(nil, nil, plan)
	if err != nil {
		log.Fatal(err)
	}
}
`), 0o666))
	out, err := exec.Command("go", "build", "-o", filepath.Join(t.TempDir(), "program.exe"), program).CombinedOutput()
	require.NoError(t, err, "%s", out)
}
