package report

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/bench/internal/measure"
	"github.com/simdrnn/simdrnn/bench/internal/op"
)

func shape(t *testing.T, line string) op.Shape {
	t.Helper()
	all, err := op.Parse(line)
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

func contains(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("no %q in\n%s", w, text)
		}
	}
}

func TestQuartiles(t *testing.T) {
	for _, c := range []struct {
		sample []float64
		want   Quart
	}{
		{[]float64{3}, Quart{3, 3, 3, 3}},
		{[]float64{4, 4, 4}, Quart{4, 4, 4, 4}},
		// gonum's linear interpolation of the inverse of the distribution.
		{[]float64{4, 1, 3, 2}, Quart{1, 1, 2, 3}},
	} {
		before := append([]float64(nil), c.sample...)
		if got := Quartiles(c.sample); got != c.want {
			t.Errorf("%v: %v, want %v", c.sample, got, c.want)
		}
		if !reflect.DeepEqual(before, c.sample) {
			t.Errorf("the sample %v became %v", before, c.sample)
		}
	}
	if got := (Quart{1, 2, 4, 5}).Spread(); got != 0.75 {
		t.Errorf("spread %v, want 0.75", got)
	}
}

// A product of 1000 operations. Ours takes 100, 200, 400 ns where the peak is
// 20, 10, 5 GFLOP/s, half of the peak in every turn, whatever the clock does, and five
// eighths of the peak of the first moment. The peer takes twice our time in each.
func TestRecords(t *testing.T) {
	s := shape(t, "a gemm M=10 N=10 K=5")
	ns := []float64{200, 100, 400}
	peaks := []measure.Peaks{{Then: 8, Alone: 10}, {Then: 16, Alone: 20}, {Then: 4, Alone: 5}}
	var turns []measure.Turn
	var pairs []measure.Pair
	for i, p := range peaks {
		turns = append(turns, measure.Turn{NS: ns[i], Peaks: p})
		pairs = append(pairs, measure.Pair{Own: ns[i], Peer: 2 * ns[i], Peaks: p})
	}
	own := NewRecord(s, "avx2", 2, "v1", turns)
	if own.Share != (Quart{0.5, 0.5, 0.5, 0.5}) || own.Then != (Quart{0.625, 0.625, 0.625, 0.625}) || own.Ratio != nil || own.Turns != 3 || own.Peer != Own {
		t.Errorf("ours: %+v", own)
	}
	if own.NS.Min != 100 || own.GFLOPS != 1000/own.NS.Median {
		t.Errorf("ours: %+v", own)
	}
	other := NewPeerRecord(s, "avx2", 2, "blas", "v2", pairs)
	if other.Share != (Quart{0.25, 0.25, 0.25, 0.25}) || *other.Ratio != (Quart{2, 2, 2, 2}) || other.Loss() {
		t.Errorf("the peer: %+v, ratio %+v", other, other.Ratio)
	}
	none := NewRecord(s, "scalar", 1, "v1", []measure.Turn{{NS: 100}})
	if none.Share != (Quart{}) || none.Then != (Quart{}) || math.IsInf(none.GFLOPS, 0) {
		t.Errorf("without a peak: %+v", none)
	}
}

func results(t *testing.T) (Run, []Record) {
	run := Run{Date: "2026-01-02", CPU: "Test CPU", System: "linux/amd64", CPUs: 2, L1D: 32768, L2: 1 << 20, L3: -1, Go: "go1.26", Commit: "abc",
		Peers: map[string]string{"fast": "v1", "slow": "v2", "simdrnn avx2": "avx2"}, Skipped: []string{"mkl: no mkl.h found"}}
	var records []Record
	for _, line := range []string{"train rnn-train T=2 B=2 I=4 H=4", "gemm gemm M=10 N=10 K=5"} {
		s := shape(t, line)
		own := []measure.Turn{{NS: 100, Peaks: measure.Peaks{Then: 40, Alone: 50}}, {NS: 101, Peaks: measure.Peaks{Then: 40, Alone: 50}}}
		pair := func(ns float64) []measure.Pair {
			return []measure.Pair{{Own: 100, Peer: ns, Peaks: measure.Peaks{Then: 40, Alone: 50}}}
		}
		records = append(records, NewRecord(s, "avx2", 1, "avx2", own),
			NewPeerRecord(s, "avx2", 1, "slow", "v2", pair(350)))
		if s.Op.Name == "gemm" {
			records = append(records, NewPeerRecord(s, "avx2", 1, "fast", "v1", pair(99.6)))
		}
	}
	return run, records
}

func TestJSONLines(t *testing.T) {
	run, records := results(t)
	var b bytes.Buffer
	if err := WriteJSON(&b, run, records); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n != 1+len(records) {
		t.Errorf("%d lines for a run and %d records", n, len(records))
	}
	run2, records2, err := ReadJSON(&b)
	if err != nil || !reflect.DeepEqual(run, run2) || !reflect.DeepEqual(records, records2) {
		t.Errorf("read back: %v\n%+v\n%+v", err, run2, records2)
	}
	for text, want := range map[string]string{
		"":                           "no results",
		"{}":                         "line 1: the first line does not name the CPU",
		"{\"cpu\":\"x\"}\n{}\n":      "line 2: no record",
		"{\"cpu\":\"x\"}\nnothing\n": "line 2",
	} {
		if _, _, err := ReadJSON(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// A loss stays in the table, marked, however small, and has a list of its own.
func TestMarkdown(t *testing.T) {
	run, records := results(t)
	var b bytes.Buffer
	if err := Markdown(&b, run, records, []string{"ratio.svg"}); err != nil {
		t.Fatal(err)
	}
	contains(t, b.String(),
		"# Test CPU, 2026-01-02", "L1 32 KiB, L2 1 MiB, L3 unknown",
		"3 comparisons, 2 won, 1 lost. The worst: gemm/M=10,N=10,K=5 on avx2, 1 thread, against fast: 0.99",
		"## Losses\n\n- gemm/M=10,N=10,K=5",
		"| of peak | at its clock | slow | fast |", " 19.8 % | 24.8 % | 3.50 | **0.99 loss** |",
		"## train\n", "## gemm\n", "- mkl: no mkl.h found", "![ratio](ratio.svg)", "2 M N K",
		"| rnn-train/T=2,B=2,I=4,H=4 | avx2 | 1 | slow | 1 | 350 |")
	if strings.Contains(b.String(), "lm-adam") {
		t.Error("an operation that was not run is explained")
	}
	for i := range records {
		records[i].Then = Quart{} // as in a file from before it was measured
	}
	b.Reset()
	if err := Markdown(&b, run, records, nil); err != nil {
		t.Fatal(err)
	}
	contains(t, b.String(), " 19.8 % |  | 3.50 |")
}

func TestSummaryWithoutPeers(t *testing.T) {
	if got := Summary(nil); got != "No peer was there to compare with." {
		t.Error(got)
	}
}

// Ratios are rounded down: what is shown as 1.00 is no loss.
func TestRatio(t *testing.T) {
	for v, want := range map[float64]string{0.9999: "0.99", 1: "1.00", 1.259: "1.25", 12.39: "12.3", 1234.5: "1234"} {
		if got := ratio(v); got != want {
			t.Errorf("%v is shown as %s, want %s", v, got, want)
		}
	}
}

func compared(name string, threads int, q1, median, q3 float64) Record {
	return Record{Op: "gemm", Shape: name, ISA: "avx2", Threads: threads, Peer: Own, Share: Quart{q1, q1, median, q3}}
}

func TestCompare(t *testing.T) {
	then, now := Run{CPU: "C", Date: "yesterday", Commit: "abc"}, Run{CPU: "C"}
	before := []Record{
		compared("same", 1, .79, .80, .81), compared("noise", 1, .60, .80, .90), compared("slower", 1, .79, .80, .81),
		compared("faster", 1, .79, .80, .81), compared("slower", 2, .79, .80, .81), compared("gone", 1, .8, .8, .8),
	}
	after := []Record{
		compared("same", 1, .78, .79, .80), compared("noise", 1, .65, .70, .75), compared("slower", 1, .69, .70, .71),
		compared("faster", 1, .89, .90, .91), compared("slower", 2, .79, .80, .81), compared("new", 1, .1, .1, .1),
		{Op: "gemm", Shape: "slower", ISA: "avx2", Threads: 2, Peer: "peer", Share: Quart{.1, .1, .1, .1}},
	}
	var b bytes.Buffer
	slower, err := Compare(&b, then, now, before, after)
	if err != nil || slower != 1 {
		t.Errorf("%d slower, %v, want 1", slower, err)
	}
	contains(t, b.String(), "SLOWER  gemm/slower, avx2, 1 thread: 70.0 % of the peak, was 80.0 %",
		"faster  gemm/faster, avx2, 1 thread", "compared with yesterday (abc): 1 of 5 slower, 1 faster")
	if n := strings.Count(b.String(), "\n"); n != 3 {
		t.Errorf("%d lines, want 3:\n%s", n, b.String())
	}
}

func TestCompareRefuses(t *testing.T) {
	r := []Record{compared("a", 1, .8, .8, .8)}
	_, err := Compare(&bytes.Buffer{}, Run{CPU: "CPU one"}, Run{CPU: "CPU two"}, r, r)
	if err == nil || !strings.Contains(err.Error(), `"CPU one"`) || !strings.Contains(err.Error(), `"CPU two"`) {
		t.Errorf("another CPU: %v", err)
	}
	_, err = Compare(&bytes.Buffer{}, Run{CPU: "C"}, Run{CPU: "C"}, r, []Record{compared("b", 1, .8, .8, .8)})
	if err == nil || !strings.Contains(err.Error(), "in common") {
		t.Errorf("nothing in common: %v", err)
	}
}
