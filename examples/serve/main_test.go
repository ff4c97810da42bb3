package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"flag"
	"fmt"
	"image/png"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
	"github.com/simdrnn/simdrnn/examples/internal/program"
	"github.com/simdrnn/simdrnn/examples/internal/program/programtest"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// isProgram makes the test binary the program.
const isProgram = "SIMDRNN_TEST_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(isProgram) != "" {
		main()
	}
	// Parallel tests are those that wait most of the time: they may be more than the CPUs.
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

var serving = programtest.Program{Name: "serve", Run: run}

// TestMistakes: flags that mean nothing are refused with what to do, before anything begins.
func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	require.NoError(t, os.WriteFile(text, []byte("no checkpoint"), 0o666))
	taken, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	defer taken.Close()
	for args, want := range map[string]string{
		"opticks":                        "every option begins with a dash",
		"-batch 0":                       "-batch is 0, want 1 to 1024",
		"-wait -1s":                      "-wait is -1s, want 0s to 1s",
		"-grace -1s":                     "-grace is -1s",
		"-idle 0":                        "-idle is 0s",
		"-stall 0":                       "-stall is 0s",
		"-request-time 0":                "-request-time is 0s",
		"-sessions 0":                    "-sessions is 0",
		"-body 0":                        "-body is 0",
		"-symbols 0":                     "-symbols is 0",
		"-hidden 0":                      "-hidden is 0",
		"-layers 17":                     "-layers is 17",
		"-hidden 8192 -layers 16":        "need about",
		"-train -1":                      "-train is -1",
		"-workers 257":                   "-workers is 257",
		"-model x -hidden 3":             "leave one of them out",
		"-model=":                        "-model is empty",
		"-clients 3":                     "-clients belongs to -load",
		"-out a":                         "-out belongs to -load",
		"-for 1s":                        "-for belongs to -load",
		"-load -addr localhost:1":        "leave -addr out",
		"-load -clients 1,x":             `-clients has "x"`,
		"-load -clients 300":             "-connections, which is 256",
		"-load -sessions 10":             "-clients has \"16\"",
		"-load -for 0s":                  "-for is 0s",
		"-load -out=":                    "-out is empty",
		"-load -out " + text:             "with -out",
		"-addr " + taken.Addr().String(): "name another address with -addr",
		"-addr localhost:0 -model " + filepath.Join(dir, "none"): "there is no model",
		"-addr localhost:0 -model " + dir:                        "train one with charlm",
		"-addr localhost:0 -model " + text:                       "cannot be used",
	} {
		r := serving.Command(strings.Fields(args)...)
		require.Equal(t, 2, r.Code, "%s: %s", args, r.Stderr)
		require.Contains(t, r.Stderr, want, args)
		require.Empty(t, r.Stdout, args)
	}
	r := serving.Command("-h")
	require.Zero(t, r.Code)
	require.Contains(t, r.Stderr, "usage: serve")
}

// TestCheckpoints: of a checkpoint the settings are believed only as far as the file goes.
func TestCheckpoints(t *testing.T) {
	name := filepath.Join(t.TempDir(), "model.ckpt")
	write := func(meta string, s shape) {
		all, err := s.build(0, 1)
		require.NoError(t, err)
		net, err := nn.Chain(all.emb, all.unroll(2, 1), all.out)
		require.NoError(t, err)
		source, err := data.NewText([]byte("light"), 1)
		require.NoError(t, err)
		trainer, err := bptt.NewTrainer(net, source, bptt.Plan{
			Window: 2, Steps: 1, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 1e-3}, Checkpoint: bptt.Checkpoints{Meta: []byte(meta)},
		})
		require.NoError(t, err)
		require.NoError(t, trainer.SaveFile(name))
	}
	for _, s := range []shape{small, {"gru", 5, 1, 3}, {"rnn", 5, 2, 3}} {
		write(fmt.Sprintf(`{"Cell": %q, "Hidden": %d, "Layers": %d, "Embed": %d, "Batch": 1}`, s.Cell, s.Hidden, s.Layers, s.Embed), s)
		m, err := load(name, 0)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("%s, %d x %d units", strings.ToUpper(s.Cell), s.Layers, s.Hidden), m.stages[1])
		require.Equal(t, made(t, s).sha256, m.sha256)
	}
	write(`{"Hidden": 12, "Layers": 2, "Embed": 5}`, small)
	m, err := load(name, 0)
	require.NoError(t, err)
	require.Contains(t, m.stages[1], "LSTM", "of before there was a choice")
	for meta, want := range map[string]string{
		``:              "not those of a model of charlm",
		`{}`:            "0 layers of 0 units",
		`{"Cell": "x"}`: `the kind "x"`,
		`{"Hidden": 12, "Layers": 2, "Embed": -5}`:               "want 1 to 65536",
		`{"Hidden": 65536, "Layers": 65536, "Embed": 65536}`:     "take more than",
		`{"Hidden": 11, "Layers": 2, "Embed": 5}`:                "cannot be used",
		`{"Cell": "gru", "Hidden": 12, "Layers": 2, "Embed": 5}`: "cannot be used",
	} {
		write(meta, small)
		_, err := load(name, 0)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "-model")
	}
}

// TestCharlm: a model that charlm has trained writes here what it writes there.
func TestCharlm(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT EXERCISED: building charlm takes seconds, which -short does not have")
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "text"), bytes.Repeat([]byte("light and colours, "), 300), 0o666))
	binary := filepath.Join(dir, "charlm.exe")
	said, err := exec.Command("go", "build", "-o", binary, "../charlm").CombinedOutput()
	require.NoError(t, err, "%s", said)
	charlm := func(args ...string) string {
		c := exec.Command(binary, append(args, "-quiet")...)
		c.Dir = dir
		out, err := c.Output()
		require.NoError(t, err)
		return string(out)
	}
	charlm("-text", "text", "-cell", "gru", "-hidden", "13", "-layers", "2", "-embed", "7", "-batch", "4", "-window", "9", "-steps", "20")
	want := strings.TrimSuffix(charlm("-sample", "60", "-temperature", "1", "-prompt", "light", "-seed", "5"), "\n")
	m, err := load(filepath.Join(dir, "charlm-out"), 0)
	require.NoError(t, err)
	v := startWith(t, m, nil, time.Second)
	text, _ := written(t, v.ok(t, "POST", v.open(t, "")+"/text", `{"text": "light", "count": 60, "temperature": 1, "seed": 5}`))
	require.Equal(t, want, string(text))
}

// TestServe: the program trains a small model, serves it, and ends in order with its
// context.
func TestServe(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	out, in := io.Pipe()
	var stderr bytes.Buffer
	code := make(chan int)
	go func() {
		code <- program.Status("serve", interrupt.Under(ctx), run, strings.Fields("-addr localhost:0 -hidden 8 -train 20 -batch 3"), in, &stderr)
		in.Close()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	found := regexp.MustCompile(`^serving a model of embedding of 256 symbols; LSTM, 1 x 8 units; linear to 256 at (http://\S+), .*; Ctrl-C ends it\n$`).FindStringSubmatch(line)
	require.NotNil(t, found, line)
	v := &served{base: found[1]}
	s := v.open(t, "")
	v.ok(t, "POST", s+"/text", `{"text": "Light ", "count": 50, "temperature": 0.7}`)
	cancel()
	web.CloseIdleConnections()
	require.Zero(t, <-code)
	require.Contains(t, stderr.String(), "training a small model")
	require.Contains(t, stderr.String(), "update 20 of 20, ")

	// A signal during the training.
	r := serving.Stopped("update 2 ", 1, "-addr", "localhost:0", "-hidden", "8", "-train", "20")
	require.Equal(t, 130, r.Code, r.Stderr)
	require.Empty(t, r.Stdout)
}

// TestCtrlC: the program ends in order after Ctrl-C, and what a client was reading
// comes to its end; a second Ctrl-C ends it at once.
func TestCtrlC(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("NOT EXERCISED: Windows has no way to send Ctrl-C to one process")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	for _, signals := range []int{1, 2} {
		c := exec.Command(self, "-addr", "localhost:0", "-hidden", "8", "-train", "0", "-symbols", "10000000", "-grace", "20s")
		c.Env = append(os.Environ(), isProgram+"=1")
		stdout, err := c.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, c.Start())
		t.Cleanup(func() { c.Process.Kill() })
		line, err := bufio.NewReader(stdout).ReadString('\n')
		require.NoError(t, err)
		v := &served{base: regexp.MustCompile(`http://[^,]+`).FindString(line), server: &server{limits: limits{symbols: 2000}}}
		if signals == 2 {
			v.limits.symbols = 10000000
		}
		lines, _ := v.begun(t, v.open(t, ""))
		require.NoError(t, c.Process.Signal(os.Interrupt))
		if signals == 2 {
			time.Sleep(50 * time.Millisecond)
			require.NoError(t, c.Process.Signal(os.Interrupt))
		}
		b, err := io.ReadAll(lines)
		_ = c.Wait()
		if signals == 2 {
			require.Error(t, err)
			require.Equal(t, 130, c.ProcessState.ExitCode())
			continue
		}
		require.NoError(t, err)
		require.True(t, strings.Contains(string(b), `"end":"count"`), "the text has its end")
		require.Zero(t, c.ProcessState.ExitCode())
	}
}

// TestLoad: the measurements are printed and drawn, with batches and without; Ctrl-C ends
// them.
func TestLoad(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "load")
	here, err := os.Getwd()
	require.NoError(t, err)
	relative, err := filepath.Rel(here, out)
	require.NoError(t, err)
	r := serving.Do(t, "-load", "-out", relative, "-hidden", "8", "-for", "50ms", "-clients", "1, 3", "-batch", "2")
	require.Contains(t, r.Stdout, "drawn in "+filepath.Join(out, "load.png")+" and "+filepath.Join(out, "load.html"), "whole paths")
	require.Equal(t, 4, strings.Count(r.Stderr, " symbols/s\n"), r.Stderr)
	require.Contains(t, r.Stdout, "LSTM, 1 x 8 units")
	table, err := os.ReadFile(filepath.Join(out, "load.csv"))
	require.NoError(t, err)
	rows, err := csv.NewReader(bytes.NewReader(table)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 5)
	for i, want := range []string{"2,1", "2,3", "1,1", "1,3"} {
		require.Equal(t, want, strings.Join(rows[i+1][:2], ","))
		require.NotEqual(t, "0.0", rows[i+1][2])
	}
	require.Equal(t, "1.000", rows[4][3], "without batches each session is alone")
	picture, err := os.ReadFile(filepath.Join(out, "load.png"))
	require.NoError(t, err)
	_, err = png.Decode(bytes.NewReader(picture))
	require.NoError(t, err)
	page, err := os.ReadFile(filepath.Join(out, "load.html"))
	require.NoError(t, err)
	require.Contains(t, string(page), `src="data:image/png;base64,`)
	require.Equal(t, 5, strings.Count(string(page), "<tr>"))

	require.Equal(t, 130, serving.Stopped("batches of", 1, "-load", "-out", out, "-hidden", "8", "-for", "50ms", "-clients", "1,3").Code)
}

// TestLoadNotices: an answer that is not the model's ends the measurement.
func TestLoadNotices(t *testing.T) {
	m := made(t, small)
	want, err := alone(m, 3, 20)
	require.NoError(t, err)
	again, err := alone(m, 3, 20)
	require.NoError(t, err)
	require.Equal(t, want, again)
	require.NoError(t, checkTexts(m, [][]byte{nil, nil, nil, want}))
	want[7] ^= 1
	require.ErrorContains(t, checkTexts(m, [][]byte{nil, nil, nil, want}), "client 3 of 4")
}
