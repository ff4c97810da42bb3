package peer

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest/python"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// A drawn is a configuration that pytorch_random.py has drawn.
type drawn struct {
	Kind, Place, Type string
	Steps, Rows       int
	Options           struct {
		BatchFirst   bool `json:"batch_first"`
		Nonlinearity string
	}
}

// Modules of drawn configurations, in files of four types, compute here what they compute in
// PyTorch, final states too, and go back with the same weights.
func TestPyTorchBothWays(t *testing.T) {
	count := python.Count(t, 40)
	py := python.Find(t, "convert/testdata has what PyTorch computed", "torch", "safetensors")
	dir := t.TempDir()
	self, err := filepath.Abs("pytorch_random.py")
	if err != nil {
		t.Fatal(err)
	}
	py.Run(t, dir, self, "write", dir, fmt.Sprint(count), fmt.Sprint(python.Seed(t, 1)))
	worst, seen := 0.0, map[string]int{}
	for i := range count {
		at := func(suffix string) string { return filepath.Join(dir, fmt.Sprint(i, suffix)) }
		f, outputs := open(t, at(".safetensors")), open(t, at(".outputs.safetensors"))
		text := outputs.Metadata()["configuration"]
		var c drawn
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			t.Fatal(err)
		}
		seen[c.Type]++
		prefix := c.Place + "."
		if c.Place == "" {
			prefix = ""
		}
		found, err := convert.Inspect(f)
		if err != nil || len(found) != 1 || found[0].Prefix != prefix || found[0].Kind != c.Kind || found[0].Err != nil {
			t.Fatalf("%s: found %v, %v", text, found, err)
		}
		var net interface {
			inference
			State() [][]float32
		}
		var tensors []safetensors.Tensor
		var report convert.Report
		switch c.Kind {
		case "LSTM":
			var l *lstm.Layer
			if l, report, err = convert.LoadLSTM(f, prefix); err == nil {
				net = l.Infer(c.Steps, c.Rows)
				tensors, err = convert.ToSafetensors(l, prefix)
			}
		case "GRU":
			var l *gru.Layer
			if l, report, err = convert.LoadGRU(f, prefix); err == nil {
				net = l.Infer(c.Steps, c.Rows)
				tensors, err = convert.ToSafetensors(l, prefix)
			}
		case "RNN":
			var l *rnn.Layer
			if l, report, err = convert.LoadRNN(f, prefix, map[string]rnn.Activation{"tanh": rnn.Tanh, "relu": rnn.ReLU}[c.Options.Nonlinearity]); err == nil {
				net = l.Infer(c.Steps, c.Rows)
				tensors, err = convert.ToSafetensors(l, prefix)
			}
		}
		if err != nil || len(report.Missing)+len(report.Left) > 0 {
			t.Fatalf("%s: %v, %v", text, report, err)
		}
		x, y := floats(t, outputs, "x"), floats(t, outputs, "y")
		got := make([]float32, len(y))
		net.SetBatchFirst(c.Options.BatchFirst)
		net.Forward(got, x)
		compare := func(what string, got, want []float32) {
			t.Helper()
			if len(got) != len(want) {
				t.Fatalf("%s: %s has %d elements, want %d", text, what, len(got), len(want))
			}
			for k := range want {
				d := math.Abs(float64(got[k]-want[k])) / max(1, math.Abs(float64(want[k])))
				if worst = max(worst, d); !(d <= conforms) {
					t.Fatalf("%s: %s: element %d is %v, want %v", text, what, k, got[k], want[k])
				}
			}
		}
		compare("y", got, y)
		for k, state := range net.State() {
			name := []string{"h", "c"}[k]
			compare(name, state, floats(t, outputs, name))
		}
		if err := safetensors.WriteFile(at(".back.safetensors"), nil, tensors...); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at(".json"), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := py.Run(t, dir, self, "read", dir, fmt.Sprint(count)), fmt.Sprintf("ok %d\n", count); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if len(seen) < 4 && count >= 40 {
		t.Errorf("files of the types %v alone, want four", seen)
	}
	t.Logf("%d modules, at most %.2g relative", count, worst)
}
