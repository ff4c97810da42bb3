package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A configuration is a job of each round.
type configuration struct {
	name   string
	ranks  int
	times  int // rows and shards of the size, so many times
	whole  bool
	tcp    bool
	ddp    bool
	beacon bool // messages
	about  string
}

// configurations are what is compared. The names are those in rounds.jsonl.
var configurations = []configuration{
	{name: "simdrnn-1", ranks: 1, times: 1, about: "1 rank"},
	{name: "simdrnn-2", ranks: 2, times: 1, about: "2 ranks, the same batch"},
	{name: "simdrnn-2-tcp", ranks: 2, times: 1, tcp: true, about: "2 ranks, the same batch, over TCP as Gloo"},
	{name: "simdrnn-2-weak", ranks: 2, times: 2, about: "2 ranks, twice the batch"},
	{name: "simdrnn-1-twice", ranks: 1, times: 2, about: "1 rank, twice the batch"},
	{name: "simdrnn-1-whole", ranks: 1, times: 1, whole: true, about: "1 rank, the batch as one shard"},
	{name: "ddp-1", ranks: 1, times: 1, ddp: true, about: "DDP, 1 rank"},
	{name: "ddp-2", ranks: 2, times: 1, ddp: true, about: "DDP, 2 ranks, the same batch"},
	{name: "ddp-2-weak", ranks: 2, times: 2, ddp: true, about: "DDP, 2 ranks, twice the batch"},
	{name: "messages", ranks: 2, beacon: true, about: "a barrier, shared memory"},
	{name: "messages-tcp", ranks: 2, beacon: true, tcp: true, about: "a barrier, TCP on this machine"},
}

// of is the size that a configuration trains.
func (c configuration) of(s size) size {
	s.Rows, s.Shards = s.Rows*c.times, s.Shards*c.times
	if c.whole {
		s.Shards = 1
	}
	return s
}

// A record is a line of rounds.jsonl: the first is about the machine, each other one a
// measurement.
type record struct {
	Machine     *machine     `json:"machine,omitempty"`
	Name        string       `json:"name,omitempty"`
	Round       int          `json:"round,omitempty"`
	Measurement *measurement `json:"measurement,omitempty"`
}

// A machine is what was measured, and where.
type machine struct {
	Date   string `json:"date"`
	CPU    string `json:"cpu"`
	CPUs   int    `json:"cpus"`
	Commit string `json:"commit"`
	Go     string `json:"go"`
	Flags  string `json:"flags"`
	Rounds int    `json:"rounds"`
	Left   string `json:"left_out,omitempty"` // configurations, and why
	Size   size   `json:"size"`
}

// limit is how long a job may take.
const limit = 10 * time.Minute

// compare runs all configurations, round after round, and writes the report.
func compare(o options) error {
	if o.out == "" || o.rounds < 1 || o.Shards < 2 {
		return fmt.Errorf("-compare with -out %q, -rounds %d and -shards %d; want a folder, a round at least, and a shard at least for each of 2 ranks", o.out, o.rounds, o.Shards)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	l := launcher{self: self, mpirun: o.mpirun, python: o.python}
	// What is not there is left out beforehand, so that no round is lost to it.
	left := map[string]string{}
	first, err := l.run(configuration{ranks: 2, beacon: true}, o.size)
	if err != nil {
		return err
	}
	l.open = strings.Contains(first.Library, "Open MPI")
	if !l.open {
		left["TCP"] = "the MPI library is not Open MPI, and how it is told to use TCP is not known here"
	}
	if o.python == "" {
		left["DDP"] = "SIMDRNN_PYTHON names no Python"
	} else if out, err := exec.Command(o.python, "-c", "import torch.distributed").CombinedOutput(); err != nil {
		left["DDP"] = "torch is not there: " + lastLine(out)
	}
	var reasons []string
	for _, what := range slices.Sorted(maps.Keys(left)) {
		reasons = append(reasons, what+": "+left[what])
		fmt.Println("NOT EXERCISED:", reasons[len(reasons)-1])
	}
	if err := os.MkdirAll(o.out, 0o777); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(o.out, "rounds.jsonl"))
	if err != nil {
		return err
	}
	defer f.Close()
	lines := json.NewEncoder(f)
	here := thisMachine(o)
	here.Left = strings.Join(reasons, "; ")
	all := []record{{Machine: &here}}
	if err := lines.Encode(all[0]); err != nil {
		return err
	}
	for round := 1; round <= o.rounds; round++ {
		for _, c := range configurations {
			if c.tcp && left["TCP"] != "" || c.ddp && left["DDP"] != "" {
				continue
			}
			m, err := l.run(c, o.size)
			if err != nil {
				return err
			}
			if !c.beacon {
				fmt.Printf("round %d of %d, %s: %.1f ms an update\n", round, o.rounds, c.name, 1e3*m.Seconds)
			}
			all = append(all, record{Name: c.name, Round: round, Measurement: &m})
			if err := lines.Encode(all[len(all)-1]); err != nil {
				return err
			}
		}
		// A run that is ended early leaves the page of its whole rounds.
		here.Rounds = round
		var page bytes.Buffer
		if err := report(&page, all); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(o.out, "README.md"), page.Bytes(), 0o666); err != nil {
			return err
		}
	}
	return f.Close()
}

// A launcher starts jobs.
type launcher struct {
	self, mpirun, python string
	open                 bool // Open MPI
}

// command is the job of a configuration.
func (l launcher) command(c configuration, s size) []string {
	s = c.of(s)
	if c.ddp {
		b, _ := json.Marshal(s) // of numbers there is no error
		return []string{l.python, "ddp.py", strconv.Itoa(c.ranks), string(b)}
	}
	args := []string{l.mpirun, "-n", strconv.Itoa(c.ranks), "--bind-to", "core"}
	if c.tcp {
		args = append(args, "--mca", "btl", "self,tcp")
	}
	if args = append(args, l.self); c.beacon {
		return append(args, "-workload", "messages")
	}
	for _, f := range []struct {
		name string
		n    int
	}{{"hidden", s.Hidden}, {"layers", s.Layers}, {"window", s.Window}, {"rows", s.Rows}, {"shards", s.Shards}, {"updates", s.Updates}, {"warm", s.Warm}} {
		args = append(args, "-"+f.name, strconv.Itoa(f.n))
	}
	return append(args, "-workload", "sums")
}

// run is one job. Its last line is the measurement.
func (l launcher) run(c configuration, s size) (m measurement, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	args := l.command(c, s)
	job := exec.CommandContext(ctx, args[0], args[1:]...)
	job.Env = append(os.Environ(), "OMP_NUM_THREADS=1", "MKL_NUM_THREADS=1", "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
	var out, said bytes.Buffer
	job.Stdout, job.Stderr = &out, &said
	if err := job.Run(); err != nil {
		return m, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, said.String())
	}
	if err := json.Unmarshal([]byte(lastLine(out.Bytes())), &m); err != nil {
		return m, fmt.Errorf("%s printed no measurement: %w: %s", strings.Join(args, " "), err, out.String())
	}
	if m.Ranks != c.ranks {
		return m, fmt.Errorf("%s: %d ranks, want %d; is mpirun that of the library which the program was built with?", strings.Join(args, " "), m.Ranks, c.ranks)
	}
	return m, nil
}

func lastLine(b []byte) string {
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return lines[len(lines)-1]
}

func thisMachine(o options) machine {
	m := machine{Date: time.Now().UTC().Format(time.DateOnly), CPU: "unknown", CPUs: runtime.NumCPU(), Commit: o.commit, Go: runtime.Version(),
		Flags: strings.Join(o.given, " "), Rounds: o.rounds, Size: o.size}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		lines := bufio.NewScanner(bytes.NewReader(b))
		for lines.Scan() {
			if name, is := strings.CutPrefix(lines.Text(), "model name"); is {
				m.CPU = strings.Trim(name, " \t:")
				break
			}
		}
	}
	return m
}

// readRounds reads what compare has written.
func readRounds(r io.Reader) (all []record, err error) {
	d := json.NewDecoder(r)
	for {
		var one record
		switch err := d.Decode(&one); {
		case err == io.EOF && len(all) > 1:
			return all, nil
		case err == io.EOF:
			return nil, errors.New("no measurement in it; give the rounds.jsonl of a comparison")
		case err != nil:
			return nil, err
		case (one.Machine != nil) != (len(all) == 0) || one.Machine == nil && one.Measurement == nil:
			return nil, errors.New("it is no rounds.jsonl: its first line has to be about the machine, and each other one a measurement")
		}
		all = append(all, one)
	}
}
