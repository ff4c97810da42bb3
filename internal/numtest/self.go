package numtest

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// EnvExec is the environment variable that names the command, with arguments
// before the program's, that runs this test binary: what go test -exec was given.
const EnvExec = "SIMDRNN_TEST_EXEC"

// NeedsProcesses skips a test of processes where the platform starts none, and only there.
func NeedsProcesses(t testing.TB) {
	t.Helper()
	if runtime.GOOS == "js" || runtime.GOOS == "wasip1" {
		t.Skip("NOT EXERCISED: " + runtime.GOOS + " starts no processes")
	}
}

// Self returns a command that runs this test binary again with the given
// arguments, under the emulator that EnvExec names if there is one.
func Self(args ...string) *exec.Cmd {
	words := append(strings.Fields(os.Getenv(EnvExec)), os.Args[0])
	return exec.Command(words[0], append(words[1:], args...)...)
}

// Emulated reports whether EnvExec says that this test binary runs under an
// emulator, where the reference is slow.
func Emulated() bool { return os.Getenv(EnvExec) != "" }
