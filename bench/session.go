package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/simdrnn/simdrnn/cell"
	"github.com/simdrnn/simdrnn/kernels"

	"github.com/simdrnn/simdrnn/bench/internal/measure"
	"github.com/simdrnn/simdrnn/bench/internal/op"
	"github.com/simdrnn/simdrnn/bench/internal/parts"
	"github.com/simdrnn/simdrnn/bench/internal/plots"
	"github.com/simdrnn/simdrnn/bench/internal/process"
	"github.com/simdrnn/simdrnn/bench/internal/report"
)

// A session is one run: what is compared, and the processes that do it.
type session struct {
	shapes  []op.Shape
	threads []int
	isas    []string
	own     func(isa string, threads int) process.Command
	peers   []candidate
	plan    measure.Plan
	limit   time.Duration

	variants  map[string]string // of peers
	bandwidth bool              // measure that of memory first
	run       report.Run
	broken    bool // something of ours failed, or the run was interrupted

	mu        sync.Mutex
	processes []*process.Process // to end when the run is interrupted
}

// A candidate is a peer whose driver has been found.
type candidate struct {
	name    string
	text    string
	command func(threads int) process.Command
}

func (s *session) skip(why string) {
	why = strings.Join(strings.Fields(why), " ")
	for _, old := range s.run.Skipped {
		if old == why {
			return
		}
	}
	s.run.Skipped = append(s.run.Skipped, why)
}

// list prints what would be run.
func (s *session) list(w io.Writer) {
	for _, shape := range s.shapes {
		for _, set := range shape.Sets {
			fmt.Fprintf(w, "%s/%s\n", set, shape)
		}
	}
	fmt.Fprintln(w)
	for _, p := range s.peers {
		fmt.Fprintf(w, "peer %s: %s\n", p.name, p.text)
	}
	s.printSkipped(w)
}

func (s *session) printSkipped(w io.Writer) {
	for _, why := range s.run.Skipped {
		fmt.Fprintln(w, "not run:", why)
	}
}

// about fills in what is known of the machine and the program.
func about(dir, arguments string, capped bool) report.Run {
	info := kernels.Info()
	cpu := info.CPU
	if cpu == "" {
		cpu = "unknown CPU"
	}
	return report.Run{
		Date: time.Now().Format(time.DateOnly), CPU: cpu, System: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU(),
		L1D: info.L1D, L2: info.L2, L3: info.L3, Go: runtime.Version(), Commit: commit(dir),
		Arguments: arguments, Capped: capped, Peers: map[string]string{},
	}
}

// commit returns that of the repository, marked if there are changes.
func commit(dir string) string {
	git := func(args ...string) (string, error) {
		c := exec.Command("git", args...)
		c.Dir = dir
		text, err := c.Output()
		return strings.TrimSpace(string(text)), err
	}
	hash, err := git("rev-parse", "--short", "HEAD")
	if err != nil {
		return "an unknown commit"
	}
	if changes, err := git("status", "--porcelain", "--untracked-files=no"); err != nil || changes != "" {
		hash += " with changes"
	}
	return hash
}

// measure runs everything, prints a line for each shape as it comes, and returns
// the records. After an interrupt it returns those of the shapes that were done.
func (s *session) measure(ctx context.Context, w io.Writer) ([]report.Record, error) {
	defer context.AfterFunc(ctx, s.interrupt)()
	fmt.Fprintf(w, "%s, %s, simdrnn at %s\n", s.run.CPU, s.run.Go, s.run.Commit)
	s.printSkipped(w)
	told := len(s.run.Skipped)
	var records []report.Record
	for _, n := range s.threads {
		if ctx.Err() != nil {
			break
		}
		t, err := s.team(n)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(w, "\n%s\n", header(s.peers, n))
		for _, shape := range s.shapes {
			if ctx.Err() != nil {
				break
			}
			r := t.shape(shape)
			if ctx.Err() != nil {
				s.run.Skipped = s.run.Skipped[:told] // that processes ended is no news
				break
			}
			records = append(records, r...)
			lines(w, s.peers, r)
			for ; told < len(s.run.Skipped); told++ {
				fmt.Fprintln(w, "not run:", s.run.Skipped[told])
			}
		}
		t.close()
	}
	if ctx.Err() != nil {
		s.skip("what was to come when the run was interrupted")
		s.broken = true
	}
	return records, nil
}

func (s *session) interrupt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.processes {
		p.Interrupt()
	}
}

// shape measures one shape. What could not be run is noted as skipped.
func (t *team) shape(shape op.Shape) []report.Record {
	failed := func(l *library, err error) {
		if err == errGivenUp {
			t.skip(l.name + ": " + err.Error())
			return
		}
		t.skip(fmt.Sprintf("%s at %s, %s: %v", l.name, shape, report.Threads(t.threads), err))
	}
	unsupported := (*process.Unsupported)(nil)
	var own []measure.Own
	for _, l := range t.ours {
		defer l.release()
		err := l.setup(shape, t.threads)
		if errors.As(err, &unsupported) {
			t.skip(fmt.Sprintf("%s, %s: %v", shape.Op.Name, report.Threads(t.threads), err))
			return nil
		}
		if err != nil {
			t.broken = true
			failed(l, err)
			return nil
		}
		own = append(own, l)
	}
	var there []*library
	var peers []measure.Runner
	for _, l := range t.theirs {
		err := l.setup(shape, t.threads)
		if errors.As(err, &unsupported) {
			continue // the README says which library has what
		}
		if err != nil {
			failed(l, err)
			continue
		}
		defer l.release()
		there, peers = append(there, l), append(peers, l)
	}
	results, err := measure.Shape(t.plan, own, peers)
	if err != nil {
		t.broken = true
		failed(t.ours[0], err)
		return nil
	}
	var records []report.Record
	for i, isa := range t.isas {
		l := t.ours[i]
		records = append(records, report.NewRecord(shape, isa, t.threads, l.version, results.Own[i]))
		t.run.Peers[report.Own+" "+isa] = l.version
		for k, p := range there {
			if i == 0 && results.Err[k] != nil {
				failed(p, results.Err[k])
			}
			if len(results.Pairs[i][k]) == 0 {
				continue
			}
			records = append(records, report.NewPeerRecord(shape, isa, t.threads, p.name, p.version, results.Pairs[i][k]))
			t.run.Peers[p.name] = p.version
		}
	}
	return records
}

const column = 13

// header and lines are the table on the terminal.
func header(peers []candidate, threads int) string {
	b := new(strings.Builder)
	fmt.Fprintf(b, "%-44s %-7s %10s %8s %8s", fmt.Sprintf("threads: %d", threads), "tier", "time", "GFLOP/s", "of peak")
	for _, p := range peers {
		fmt.Fprintf(b, " %*s", column, p.name)
	}
	return b.String() + "   (a peer's time over ours; below 1 is a loss)"
}

func lines(w io.Writer, peers []candidate, records []report.Record) {
	for i, r := range records {
		if r.Peer != report.Own {
			continue
		}
		fmt.Fprintf(w, "%-44s %-7s %10s %8.1f %8s", r.Name(), r.ISA, report.Duration(r.NS.Median), r.GFLOPS, report.Percent(r.Share.Median))
		cells := map[string]string{}
		for _, p := range records[i+1:] {
			if p.Peer == report.Own {
				break
			}
			cells[p.Peer] = report.Ratio(p)
		}
		for _, p := range peers {
			fmt.Fprintf(w, " %*s", column, cells[p.name])
		}
		fmt.Fprintln(w)
	}
}

// write writes report, JSON lines and plots to a folder.
func write(dir string, run report.Run, records []report.Record) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	images, err := plots.Write(dir, run, records)
	if err != nil {
		return err
	}
	save := func(name string, f func(io.Writer) error) error {
		file, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		return errors.Join(f(file), file.Close())
	}
	if err := save("results.jsonl", func(w io.Writer) error { return report.WriteJSON(w, run, records) }); err != nil {
		return err
	}
	return save("README.md", func(w io.Writer) error { return report.Markdown(w, run, records, images) })
}

// parts measures the parts of the whole training steps among the shapes, in this process and on
// its tier; it returns "" if there are none. Where embedding, hidden layer and readout have one
// width it measures all kinds of cells, and one layer more: what share the readout has depends
// on both (decision 0033).
func (s *session) parts(ctx context.Context) (table string, err error) {
	var models []parts.Model
	var times []parts.Times
	for _, shape := range s.shapes {
		adam := shape.Op.Name == "lm-adam"
		if !adam && shape.Op.Name != "lm-sgd" {
			continue
		}
		for _, threads := range s.threads {
			if err := ctx.Err(); err != nil {
				return "", err
			}
			m := parts.Model{Kind: cell.LSTM, T: shape.Dim("T"), B: shape.Dim("B"), E: shape.Dim("E"), H: shape.Dim("H"), L: shape.Dim("L"), V: shape.Dim("V"), Adam: adam, Workers: threads}
			for _, m := range m.Family() {
				t, err := parts.Measure(m, time.Duration(s.plan.Rounds)*s.plan.Slice)
				if err != nil {
					return "", err
				}
				models, times = append(models, m), append(times, t)
			}
		}
	}
	if len(models) == 0 {
		return "", nil
	}
	return parts.Table(models, times), nil
}
