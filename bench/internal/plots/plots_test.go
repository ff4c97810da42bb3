package plots

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/bench/internal/measure"
	"github.com/simdrnn/simdrnn/bench/internal/op"
	"github.com/simdrnn/simdrnn/bench/internal/report"
)

func records(t *testing.T, text string, peers ...string) []report.Record {
	t.Helper()
	shapes, err := op.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var all []report.Record
	for i, s := range shapes {
		ns := float64(100 + 10*i)
		all = append(all, report.NewRecord(s, "avx2", 1, "v", []measure.Turn{{NS: ns, Peaks: measure.Peaks{Then: 50, Alone: 50}}}))
		for _, p := range peers {
			all = append(all, report.NewPeerRecord(s, "avx2", 1, p, "v", []measure.Pair{{Own: ns, Peer: 2 * ns, Peaks: measure.Peaks{Then: 50, Alone: 50}}}))
		}
	}
	return all
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	all := records(t, "train lstm-train T=2 B=2 I=3 H=3\ntrain lm-sgd T=2 B=2 E=3 H=3 L=1 V=4\nscale-B lstm-train T=2 B=4 I=3 H=3\nscale-B lstm-train T=2 B=2 I=3 H=3\n", "blas", "torch")
	names, err := Write(dir, report.Run{Bandwidth: []report.Level{{Name: "L2", GBs: 100}, {Name: "memory", GBs: 10}}}, all)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	if want := []string{"ratio-train-avx2-1.svg", "roofline-avx2-1.svg", "scale-B-avx2-1.svg"}; !slices.Equal(names, want) {
		t.Errorf("plots %v, want %v", names, want)
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(text), "<svg") {
			t.Errorf("%s: %v, %d bytes", name, err, len(text))
		}
		for _, peer := range []string{"blas", "torch"} {
			if !strings.HasPrefix(name, "roofline") && !strings.Contains(string(text), peer) {
				t.Errorf("%s does not show %s", name, peer)
			}
		}
	}
}

// One point, no peers, no peak, no speeds of memory: fewer plots, and no failure.
func TestLittleToDraw(t *testing.T) {
	one := records(t, "train lstm-train T=2 B=2 I=3 H=3")
	if names, err := Write(t.TempDir(), report.Run{}, one); err != nil || len(names) != 0 {
		t.Errorf("without peers: %v, %v", names, err)
	}
	level := report.Run{Bandwidth: []report.Level{{Name: "L2", GBs: 100}}}
	if names, err := Write(t.TempDir(), level, one); err != nil || !slices.Equal(names, []string{"roofline-avx2-1.svg"}) {
		t.Errorf("one point: %v, %v", names, err)
	}
	for i := range one {
		one[i].Peak = 0
	}
	if names, err := Write(t.TempDir(), level, one); err != nil || len(names) != 0 {
		t.Errorf("without a peak: %v, %v", names, err)
	}
	alone := records(t, "scale-T rnn-train T=2 B=2 I=3 H=3")
	if names, err := Write(t.TempDir(), report.Run{}, alone); err != nil || !slices.Equal(names, []string{"scale-T-avx2-1.svg"}) {
		t.Errorf("one point of a scale: %v, %v", names, err)
	}
}
