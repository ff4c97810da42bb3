package interrupt

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What a program under test does while signals come.
const phaseOf = "SIMDRNN_TEST_PHASE"

func TestMain(m *testing.M) {
	phase := os.Getenv(phaseOf)
	if phase == "" {
		os.Exit(m.Run())
	}
	g := Watch("program", func() { fmt.Println("stopping") }, os.Stdout)
	switch phase {
	case "deaf": // loads, and looks at no context
		fmt.Println("begun")
		time.Sleep(time.Hour)
	case "loading": // ends by itself
		fmt.Println("begun")
		<-g.Context().Done()
		os.Exit(g.Status())
	case "training":
		g.InOrder(func(ctx context.Context) error {
			fmt.Println("begun")
			<-ctx.Done()
			time.Sleep(2 * grace) // the step under way, and saving
			return nil
		})
		fmt.Println("saved")
	case "stuck": // in a step that takes long
		g.InOrder(func(ctx context.Context) error {
			fmt.Println("begun")
			time.Sleep(time.Hour)
			return nil
		})
	}
	os.Exit(0)
}

func TestWatch(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("NOT EXERCISED: Windows has no way to send Ctrl-C to one process")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	// Tests that run under nohup ignore SIGHUP, and so would the programs here. A
	// signal that is caught is not ignored, and a new program begins without it.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(caught) })
	for _, c := range []struct {
		phase  string
		send   []os.Signal
		lines  []string
		status int
	}{
		{"deaf", []os.Signal{os.Interrupt}, []string{"", "program: interrupted"}, 130},
		{"deaf", []os.Signal{syscall.SIGTERM}, []string{"", "program: interrupted"}, 143},
		{"loading", []os.Signal{os.Interrupt}, nil, 130},
		{"training", []os.Signal{os.Interrupt}, []string{"stopping", "saved"}, 0},
		{"training", []os.Signal{syscall.SIGHUP}, []string{"stopping", "saved"}, 0},
		{"stuck", []os.Signal{os.Interrupt, os.Interrupt}, []string{"stopping", "", "program: interrupted"}, 130},
		{"stuck", []os.Signal{os.Interrupt, syscall.SIGTERM}, []string{"stopping", "", "program: interrupted"}, 143},
	} {
		t.Run(fmt.Sprint(c.phase, c.send), func(t *testing.T) {
			t.Parallel()
			// One that goes on is killed, which is another status.
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			p := exec.CommandContext(ctx, self)
			p.Env = append(os.Environ(), phaseOf+"="+c.phase)
			out, err := p.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, p.Start())
			defer p.Process.Kill()
			lines := bufio.NewScanner(out)
			require.True(t, lines.Scan())
			require.Equal(t, "begun", lines.Text())
			var got []string
			for _, s := range c.send {
				require.NoError(t, p.Process.Signal(s))
				if c.phase == "stuck" && len(got) == 0 {
					require.True(t, lines.Scan())
					got = append(got, lines.Text())
				}
			}
			for lines.Scan() {
				got = append(got, lines.Text())
			}
			p.Wait()
			require.Equal(t, c.lines, got)
			require.Equal(t, c.status, p.ProcessState.ExitCode())
		})
	}
}

// TestIgnored: a program that was started with a signal ignored, as nohup does with
// SIGHUP, goes on ignoring it.
func TestIgnored(t *testing.T) {
	nohup, err := exec.LookPath("nohup")
	if err != nil {
		t.Skip("NOT EXERCISED: no nohup on the PATH")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	p := exec.Command(nohup, self)
	p.Env = append(os.Environ(), phaseOf+"=loading")
	out, err := p.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.Start())
	defer p.Process.Kill()
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan())
	require.NoError(t, p.Process.Signal(syscall.SIGHUP))
	time.Sleep(100 * time.Millisecond)
	require.NoError(t, p.Process.Signal(os.Interrupt))
	p.Wait()
	require.Equal(t, 130, p.ProcessState.ExitCode())
}

// TestInOrder: what is interrupted before it begins does not begin.
func TestInOrder(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	g := Under(ctx)
	ran := 0
	require.NoError(t, g.InOrder(func(ctx context.Context) error { ran++; return ctx.Err() }))
	cancel()
	require.Equal(t, Err, g.InOrder(func(context.Context) error { ran++; return nil }))
	require.Equal(t, 1, ran)
	require.Equal(t, 130, g.Status())
}
