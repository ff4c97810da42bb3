package parts

import (
	"strings"
	"testing"
	"time"
)

// TestMeasure: all parts of a tiny model take some time, and together no more than the step.
func TestMeasure(t *testing.T) {
	for _, adam := range []bool{false, true} {
		m := Model{T: 8, B: 4, E: 8, H: 8, L: 2, V: 11, Adam: adam, Workers: 1}
		got, err := Measure(m, 5*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		for name, d := range map[string]time.Duration{"step": got.Step, "layers": got.Layers, "readout": got.Readout, "loss": got.Loss, "optimizer": got.Optimizer, "rest": got.Rest()} {
			if d <= 0 || d > got.Step {
				t.Errorf("%s takes %v of a step of %v", name, d, got.Step)
			}
		}
	}
	if _, err := Measure(Model{T: 1, B: 1}, time.Millisecond); err == nil {
		t.Error("a model of no symbols is measured")
	}
}

func TestTable(t *testing.T) {
	got := Table([]Model{{T: 1, B: 2, E: 3, H: 4, L: 5, V: 6, Adam: true, Workers: 2}}, []Times{{1000, 700, 100, 50, 100}})
	for _, want := range []string{"| T=1 B=2 E=3 H=4 L=5 V=6 Adam | 2 | 1µs | 70.0 % | 10.0 % | 5.0 % | 10.0 % | 5.0 % | 30.0 % | 20.0 % |"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}
