package mpi_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/dist/mpi"
)

// asRank, in the environment, says that this program is one rank of a job, and which of
// the functions of ranks it runs.
const asRank = "SIMDRNN_MPI_RANK"

func TestMain(m *testing.M) {
	name := os.Getenv(asRank)
	if name == "" {
		code := m.Run()
		_ = os.RemoveAll(programs.dir)
		os.Exit(code)
	}
	if err := ranks[name](); err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// needMPI skips a test that was built without MPI, and says what it wants. One that was built
// with it needs the program that starts ranks too.
func needMPI(t *testing.T) {
	t.Helper()
	if mpi.Built && launcher() == "" {
		t.Fatalf("built with MPI, and none of %v is on the PATH; install openmpi-bin, or mpich", launchers)
	}
	if !mpi.Built {
		t.Skip("NOT EXERCISED: ranks of MPI; it needs cgo and an MPI library: apt-get install gcc pkg-config libopenmpi-dev openmpi-bin, and go -C dist/mpi test -tags mpi ./...")
	}
}

// launcher is the first of launchers that there is.
func launcher() string {
	for _, name := range launchers {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// environment lets mpirun start more ranks than there are processors, as root in a
// container too.
var environment = []string{
	"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", "OMPI_MCA_rmaps_base_oversubscribe=1",
	"PRTE_ALLOW_RUN_AS_ROOT=1", "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1", "PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe",
}

// A job is one call of mpirun.
type job struct {
	*exec.Cmd
	out   output
	ended atomic.Bool
}

// An output is what a job prints, to be read while it runs.
type output struct {
	sync.Mutex
	strings.Builder
}

func (o *output) Write(b []byte) (int, error) {
	o.Lock()
	defer o.Unlock()
	return o.Builder.Write(b)
}

func (o *output) String() string {
	o.Lock()
	defer o.Unlock()
	return o.Builder.String()
}

func newJob(ctx context.Context, args ...string) *job {
	j := &job{Cmd: exec.CommandContext(ctx, launcher(), args...)}
	j.Env = append(os.Environ(), environment...)
	j.Stdout, j.Stderr = &j.out, &j.out
	j.WaitDelay = 10 * time.Second
	// mpirun takes its ranks along when it is asked to end, not when it is killed.
	j.Cancel = func() error { return j.Process.Signal(os.Interrupt) }
	return j
}

// start runs so many ranks of a program, and returns what they print.
func start(t *testing.T, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	j := newJob(ctx, args...)
	err := j.Run()
	if ctx.Err() != nil {
		err = errors.Join(err, errors.New("the job has not ended"))
	}
	return j.out.String(), err
}

var programs struct {
	sync.Mutex
	dir string
}

// charlm builds the program.
func charlm(t *testing.T, flags ...string) string {
	t.Helper()
	programs.Lock()
	defer programs.Unlock()
	if programs.dir == "" {
		dir, err := os.MkdirTemp("", "charlm-mpi")
		require.NoError(t, err)
		programs.dir = dir
	}
	name := filepath.Join(programs.dir, "charlm-mpi")
	if len(flags) > 0 {
		name = filepath.Join(programs.dir, fmt.Sprintf("charlm-%x", sha256.Sum256([]byte(strings.Join(flags, "\n")))))
	}
	if _, err := os.Stat(name); err == nil {
		return name
	}
	out, err := exec.Command("go", append(append([]string{"build", "-tags", tags, "-o", name}, flags...), "./charlm-mpi")...).CombinedOutput()
	require.NoError(t, err, string(out))
	return name
}
