package parts

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/simdrnn/simdrnn/cell"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
)

// TestMeasure: all parts of a tiny model take some time, and together no more than the step.
func TestMeasure(t *testing.T) {
	for i, kind := range cell.Kinds() {
		adam := i > 0
		m := Model{Kind: kind, T: 8, B: 4, E: 8, H: 8, L: 2, V: 11, Adam: adam, Workers: 1}
		got, err := Measure(m, 5*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		for name, d := range map[string]time.Duration{"step": got.Step, "layers": got.Layers, "readout": got.Readout, "loss": got.Loss, "optimizer": got.Optimizer, "rest": got.Rest()} {
			if d <= 0 || d > got.Step {
				t.Errorf("%s: %s takes %v of a step of %v", kind, name, d, got.Step)
			}
		}
	}
	if _, err := Measure(Model{Kind: cell.LSTM, T: 1, B: 1}, time.Millisecond); err == nil {
		t.Error("a model of no symbols is measured")
	}
}

// TestLayersGoBySymbols: the layers of a model of few symbols are timed as they run in a chain
// without clocks.
func TestLayersGoBySymbols(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	layer, err := lstm.New(lstm.Config{Input: 3, Hidden: 3}, r)
	if err != nil {
		t.Fatal(err)
	}
	emb, err := nn.NewEmbedding(2, 3, r)
	if err != nil {
		t.Fatal(err)
	}
	var c clock
	unrolled := layer.Unroll(4, 2)
	before := unrolled.Bytes()
	net, err := nn.Chain(emb, timed(unrolled, &c))
	if err != nil {
		t.Fatal(err)
	}
	if unrolled.Bytes() == before {
		t.Error("the layer has no memory for symbols")
	}
	y := make([]float32, 4*2*3)
	if err := net.ForwardIDs(y, make([]int32, 8)); err != nil {
		t.Fatal(err)
	}
	forward := c.total
	if net.Backward(nil, y); forward <= 0 || c.total <= forward {
		t.Errorf("passes by symbols took %v forward, %v with the way back", forward, c.total)
	}
}

func TestTable(t *testing.T) {
	got := Table([]Model{{Kind: cell.GRU, T: 1, B: 2, E: 3, H: 4, L: 5, V: 6, Adam: true, Workers: 2}}, []Times{{1000, 700, 100, 50, 100}})
	for _, want := range []string{"| gru T=1 B=2 E=3 H=4 L=5 V=6 Adam | 2 | 1µs | 70.0 % | 10.0 % | 5.0 % | 10.0 % | 5.0 % | 30.0 % | 20.0 % |"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// TestFamily: equal widths are measured for all cells, with one layer and with two.
func TestFamily(t *testing.T) {
	m := Model{Kind: cell.LSTM, E: 8, H: 8, L: 1, V: 8}
	seen := map[string]bool{}
	for _, of := range m.Family() {
		seen[of.String()] = true
	}
	if len(seen) != 6 || !seen[m.String()] || !seen["rnn T=0 B=0 E=8 H=8 L=2 V=8 SGD"] {
		t.Errorf("the family of %v is %v", m, seen)
	}
	m.V = 9
	if got := m.Family(); len(got) != 1 || got[0] != m {
		t.Errorf("the family of %v is %v", m, got)
	}
}
