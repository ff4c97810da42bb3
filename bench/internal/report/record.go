// Package report turns measurements into records, and records into what is
// written: JSON lines, Markdown, and a comparison with an earlier run.
package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"

	"gonum.org/v1/gonum/stat"

	"github.com/simdrnn/simdrnn/bench/internal/measure"
	"github.com/simdrnn/simdrnn/bench/internal/op"
)

// Own is the name of this library as a peer.
const Own = "simdrnn"

// A Run is what holds for all records of a file: its first line.
type Run struct {
	Date      string            `json:"date"`
	CPU       string            `json:"cpu"`
	System    string            `json:"system"` // GOOS/GOARCH
	CPUs      int               `json:"cpus"`
	L1D       int               `json:"l1d"` // bytes, -1 where unknown
	L2        int               `json:"l2"`
	L3        int               `json:"l3"`
	Go        string            `json:"go"`
	Commit    string            `json:"commit"`
	Arguments string            `json:"arguments"`
	Capped    bool              `json:"capped,omitempty"` // peers were held to our tier
	Peers     map[string]string `json:"peers"`            // version of each that ran
	Skipped   []string          `json:"skipped"`          // what did not run, and why
	// Bandwidth is the GB/s at which one core reads memory that fits into a level.
	Bandwidth []Level `json:"bandwidth,omitempty"`
}

// A Level is a level of memory and its speed.
type Level struct {
	Name string  `json:"name"`
	GBs  float64 `json:"gb_s"`
}

// A Record is a library at one shape. Times are nanoseconds a call, speeds
// GFLOP/s. Shares are those of the peaks that were measured right after our own turn of
// the same round: Share of the one of the loop alone, Then of the one at the clock of the
// turn (see [measure.Peaks]). They are 0 where there is no peak, and Then in older files.
type Record struct {
	Op      string   `json:"op"`
	Shape   string   `json:"shape"`
	Sets    []string `json:"sets"`
	ISA     string   `json:"isa"` // our tier, which for a peer is the one it is compared with
	Threads int      `json:"threads"`
	Peer    string   `json:"peer"`
	Version string   `json:"version"`
	Turns   int      `json:"turns"`
	NS      Quart    `json:"ns"`
	GFLOPS  float64  `json:"gflops"` // of the median time
	Peak    float64  `json:"peak"`   // median
	Share   Quart    `json:"share"`
	Then    Quart    `json:"then"`
	Ratio   *Quart   `json:"ratio,omitempty"` // the peer's time over ours, of paired turns; above 1 we are faster
}

// Quart is the least value of a sample, its quartiles and its median.
type Quart struct {
	Min    float64 `json:"min"`
	Q1     float64 `json:"q1"`
	Median float64 `json:"median"`
	Q3     float64 `json:"q3"`
}

// Quartiles returns those of a sample of at least one.
func Quartiles(sample []float64) Quart {
	s := append([]float64(nil), sample...)
	sort.Float64s(s)
	at := func(p float64) float64 {
		if len(s) == 1 {
			return s[0]
		}
		return stat.Quantile(p, stat.LinInterp, s, nil)
	}
	return Quart{s[0], at(0.25), at(0.5), at(0.75)}
}

// Spread is the distance between the quartiles over the median.
func (q Quart) Spread() float64 {
	if q.Median == 0 {
		return 0
	}
	return (q.Q3 - q.Q1) / q.Median
}

// Name is what a record is of, whatever its library.
func (r Record) Name() string { return r.Op + "/" + r.Shape }

// Loss says whether the peer was faster.
func (r Record) Loss() bool { return r.Ratio != nil && r.Ratio.Median < 1 }

// NewRecord returns the record of ours at a shape.
func NewRecord(s op.Shape, isa string, threads int, version string, turns []measure.Turn) Record {
	var ns []float64
	var peak []measure.Peaks
	for _, t := range turns {
		ns, peak = append(ns, t.NS), append(peak, t.Peaks)
	}
	return record(s, isa, threads, Own, version, ns, peak)
}

// NewPeerRecord returns the record of a peer at a shape.
func NewPeerRecord(s op.Shape, isa string, threads int, peer, version string, pairs []measure.Pair) Record {
	var ns, ratio []float64
	var peak []measure.Peaks
	for _, p := range pairs {
		ns, peak, ratio = append(ns, p.Peer), append(peak, p.Peaks), append(ratio, p.Peer/p.Own)
	}
	r := record(s, isa, threads, peer, version, ns, peak)
	q := Quartiles(ratio)
	r.Ratio = &q
	return r
}

func record(s op.Shape, isa string, threads int, peer, version string, ns []float64, peak []measure.Peaks) Record {
	flops := s.Op.FLOPs(s)
	share, then, alone := make([]float64, len(ns)), make([]float64, len(ns)), make([]float64, len(ns))
	for i, p := range peak {
		alone[i] = p.Alone
		if p.Alone > 0 {
			share[i] = flops / ns[i] / p.Alone
		}
		if p.Then > 0 {
			then[i] = flops / ns[i] / p.Then
		}
	}
	q := Quartiles(ns)
	return Record{
		Op: s.Op.Name, Shape: s.Sizes(), Sets: s.Sets, ISA: isa, Threads: threads,
		Peer: peer, Version: version, Turns: len(ns),
		NS: q, GFLOPS: flops / q.Median, Peak: Quartiles(alone).Median, Share: Quartiles(share), Then: Quartiles(then),
	}
}

// WriteJSON writes a file of JSON lines: the run, then its records.
func WriteJSON(w io.Writer, run Run, records []Record) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(run); err != nil {
		return err
	}
	for _, r := range records {
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// ReadJSON reads what WriteJSON wrote.
func ReadJSON(r io.Reader) (run Run, records []Record, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		if run.CPU == "" {
			err = json.Unmarshal(line, &run)
			if err == nil && run.CPU == "" {
				err = errors.New("the first line does not name the CPU, as that of a file of results does")
			}
		} else {
			var rec Record
			err = json.Unmarshal(line, &rec)
			if err == nil && (rec.Op == "" || rec.Peer == "") {
				err = errors.New("no record of results")
			}
			records = append(records, rec)
		}
		if err != nil {
			return run, nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return run, nil, err
	}
	if run.CPU == "" {
		return run, nil, errors.New("no results in it")
	}
	return run, records, nil
}
