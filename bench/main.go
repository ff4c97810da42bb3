// Bench compares simdrnn with other libraries on this machine:
//
//	go -C bench run .                                every shape, every peer that is installed
//	go -C bench run . -only '^train/lstm' -threads 1
//	go -C bench run . -quick                         a minute, to see that everything works
//
// It prints a line for each shape and writes a report, JSON lines and plots to
// results/<date>-<cpu>. The README beside this file says how to install the peers and
// how to read the figures; -h lists the flags.
//
// It is a module of its own, so that nothing the comparison needs reaches a user
// of the library.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/simdrnn/simdrnn/kernels"

	"github.com/simdrnn/simdrnn/bench/internal/measure"
	"github.com/simdrnn/simdrnn/bench/internal/op"
	"github.com/simdrnn/simdrnn/bench/internal/peer"
	"github.com/simdrnn/simdrnn/bench/internal/process"
	"github.com/simdrnn/simdrnn/bench/internal/report"
	"github.com/simdrnn/simdrnn/bench/internal/self"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program at once
	os.Exit(command(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options are what the flags say.
type options struct {
	only             string
	quick, list, cap bool
	threads, isa     string
	peers, python    string
	plan             measure.Plan
	max              float64
	limit            time.Duration
	compare, from    string
	out              string
	serve            string
}

func (o *options) flags(w io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(w)
	f.StringVar(&o.only, "only", "", "run the shapes whose `name`, list/operation/sizes as -list shows it, matches this regular expression")
	f.BoolVar(&o.quick, "quick", false, "run tiny shapes for a moment each, to see that everything works; writes nothing without -o")
	f.BoolVar(&o.list, "list", false, "list the shapes and the peers, and what is missing, and run nothing")
	f.StringVar(&o.threads, "threads", "1,2", "numbers of threads, for every library alike")
	f.StringVar(&o.isa, "isa", kernels.Current().String(), "tiers of simdrnn, separated by commas")
	f.BoolVar(&o.cap, "cap", false, "hold the peers to the instruction set of -isa, as far as they let one choose")
	f.StringVar(&o.peers, "peers", "all", "peers to compare with, separated by commas; all or none")
	f.StringVar(&o.python, "python", peer.DefaultPython(), "the `command` of a Python that has the packages of the peers; the default is SIMDRNN_BENCH_PYTHON's")
	f.IntVar(&o.plan.Rounds, "rounds", 11, "turns of each library at a shape")
	f.DurationVar(&o.plan.Slice, "slice", 100*time.Millisecond, "length of a turn; one call if that takes longer")
	f.DurationVar(&o.plan.Budget, "budget", 20*time.Second, "time of a library for its turns at one shape: slow ones have fewer turns")
	f.DurationVar(&o.limit, "limit", 3*time.Minute, "time after which a library that does not answer is given up")
	f.Float64Var(&o.max, "max", 1000, "leave out shapes of more than this many `GFLOP` a call")
	f.StringVar(&o.compare, "compare", "", "say what is slower than in this `file` of results, of the same CPU; the exit status is 1 if something is")
	f.StringVar(&o.from, "from", "", "run nothing, report on this `file` of results")
	f.StringVar(&o.out, "o", "", "`folder` to write to (default results/<date>-<cpu>)")
	f.StringVar(&o.serve, "serve", "", "be the driver of one library (used by the program itself)")
	return f
}

// command is the whole program. It returns the exit status: 1 if -compare found
// something slower or ours failed, 2 if there was nothing that could be run.
func command(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	f := o.flags(stderr)
	if err := f.Parse(args); err != nil {
		if err == flag.ErrHelp {
			return 0
		}
		return 2
	}
	fail := func(err error) int {
		fmt.Fprintln(stderr, "bench:", err)
		return 2
	}
	if f.NArg() > 0 {
		return fail(fmt.Errorf("argument %q: there are flags only", f.Arg(0)))
	}
	if o.serve != "" {
		if err := self.Serve(o.serve, os.Stdin, os.Stdout); err != nil {
			return fail(err)
		}
		return 0
	}
	var run report.Run
	var records []report.Record
	var err error
	broken, table := false, "" // table: of the parts of training steps
	if o.from != "" {
		if run, records, err = read(o.from); err != nil {
			return fail(err)
		}
	} else {
		s, err := o.session(arguments(f))
		if err != nil {
			return fail(err)
		}
		if o.list {
			s.list(stdout)
			return 0
		}
		records, err = s.measure(ctx, stdout)
		if err != nil {
			return fail(err)
		}
		run, broken = s.run, s.broken
		if table, err = s.parts(ctx); err != nil {
			return fail(err)
		}
	}
	if len(records) == 0 {
		return fail(fmt.Errorf("there is no result"))
	}
	fmt.Fprintf(stdout, "\n%s\n%s", report.Summary(records), table)
	if dir := o.folder(run); dir != "" {
		if err := write(dir, run, records); err != nil {
			return fail(err)
		}
		if table != "" {
			if err := os.WriteFile(filepath.Join(dir, "parts.md"), []byte(table), 0o666); err != nil {
				return fail(err)
			}
		}
		fmt.Fprintf(stdout, "written: %s\n", filepath.Join(dir, "README.md"))
	}
	if o.compare != "" {
		then, before, err := read(o.compare)
		if err != nil {
			return fail(err)
		}
		slower, err := report.Compare(stdout, then, run, before, records)
		if err != nil {
			return fail(err)
		}
		broken = broken || slower > 0
	}
	if broken {
		return 1
	}
	return 0
}

// arguments returns the flags that were given, but for those that name places on
// this machine.
func arguments(f *flag.FlagSet) string {
	var words []string
	f.Visit(func(g *flag.Flag) {
		switch g.Name {
		case "o", "python", "compare", "from":
		default:
			words = append(words, fmt.Sprintf("-%s=%s", g.Name, g.Value))
		}
	})
	return strings.Join(words, " ")
}

// folder returns where results go, "" for nowhere.
func (o *options) folder(run report.Run) string {
	if o.out != "" || o.quick || o.from != "" {
		return o.out
	}
	return filepath.Join("results", run.Date+"-"+slug(run.CPU))
}

// slug makes a name for a folder of a CPU's name.
func slug(cpu string) string {
	s := regexp.MustCompile(`\((R|TM)\)|@.*|\bCPU\b|\bProcessor\b`).ReplaceAllString(cpu, "")
	s = regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(s), "-")
	if s = strings.Trim(s, "-"); s == "" {
		return "unknown-cpu"
	}
	return s
}

func read(name string) (run report.Run, records []report.Record, err error) {
	f, err := os.Open(name)
	if err != nil {
		return run, nil, err
	}
	defer f.Close()
	if run, records, err = report.ReadJSON(f); err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return run, records, err
}

// session checks the flags and finds out what is there.
func (o *options) session(arguments string) (*session, error) {
	if err := kernels.Info().Err; err != nil {
		return nil, err
	}
	dir, err := benchFolder()
	if err != nil {
		return nil, err
	}
	s := &session{
		limit: o.limit, plan: o.plan, variants: map[string]string{}, bandwidth: !o.quick,
		run: about(dir, arguments, o.cap),
	}
	list := ""
	if o.quick {
		list = "quick"
		s.plan = measure.Plan{Rounds: 3, Slice: 2 * time.Millisecond, Budget: 5 * time.Second}
	}
	if s.plan.Rounds < 1 || s.plan.Slice <= 0 || s.plan.Budget <= 0 || s.limit <= 0 {
		return nil, fmt.Errorf("-rounds, -slice, -budget and -limit must be above 0")
	}
	var only *regexp.Regexp
	if o.only != "" {
		if only, err = regexp.Compile(o.only); err != nil {
			return nil, fmt.Errorf("-only: %w", err)
		}
	}
	all, err := op.All()
	if err != nil {
		return nil, err
	}
	var large []string
	for _, shape := range op.Select(all, list, only) {
		if shape.Op.FLOPs(shape) > o.max*1e9 {
			large = append(large, shape.String())
			continue
		}
		s.shapes = append(s.shapes, shape)
	}
	if len(large) > 0 {
		s.skip(fmt.Sprintf("%d shapes of more than %g GFLOP a call (-max): %s", len(large), o.max, strings.Join(large, " ")))
	}
	if len(s.shapes) == 0 {
		return nil, fmt.Errorf("no shape is left by -only %q and -max %g; -list shows their names", o.only, o.max)
	}
	if s.threads, err = numbers(o.threads); err != nil {
		return nil, fmt.Errorf("-threads: %w", err)
	}
	s.threads = slices.DeleteFunc(s.threads, func(n int) bool {
		if n > runtime.NumCPU() {
			s.skip(fmt.Sprintf("%d threads: this machine has %d CPUs", n, runtime.NumCPU()))
			return true
		}
		return false
	})
	if len(s.threads) == 0 {
		return nil, fmt.Errorf("-threads %s: this machine has %d CPUs", o.threads, runtime.NumCPU())
	}
	if s.isas, err = tiers(o.isa); err != nil {
		return nil, err
	}
	var capped []string
	if o.cap {
		if len(s.isas) != 1 {
			return nil, fmt.Errorf("-cap holds the peers to one tier, but -isa is %s", o.isa)
		}
		if capped, err = peer.Cap(s.isas[0]); err != nil {
			return nil, err
		}
	}
	chosen, err := peer.Choose(o.peers)
	if err != nil {
		return nil, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	find := &peer.Finder{Dir: dir, Cache: filepath.Join(cache, "simdrnn-bench"), Python: o.python, Getenv: os.Getenv}
	own, err := find.Itself(report.Own)
	if err != nil {
		return nil, err
	}
	s.own = func(isa string, threads int) process.Command {
		c := own
		c.Env = peer.Environment(os.Environ(), threads, kernels.EnvISA+"="+isa)
		return c
	}
	for _, p := range chosen {
		c, err := p.Find(find)
		if err != nil {
			s.skip(p.Name + ": " + err.Error())
			continue
		}
		s.variants[p.Name] = p.Variant
		s.peers = append(s.peers, candidate{p.Name, p.Text, func(threads int) process.Command {
			c := c
			c.Env = peer.Environment(os.Environ(), threads, capped...)
			return c
		}})
	}
	return s, nil
}

// benchFolder returns the folder of this module, which has the sources of the drivers.
func benchFolder() (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(wd, "peers", "protocol.h")); err != nil {
		return "", fmt.Errorf("the sources of the drivers are not in %s: run this as go -C bench run .", filepath.Join(wd, "peers"))
	}
	return wd, nil
}

func numbers(list string) (all []int, err error) {
	for word := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q, want numbers above 0, separated by commas", word)
		}
		all = append(all, n)
	}
	return all, nil
}

func tiers(list string) (all []string, err error) {
	for word := range strings.SplitSeq(list, ",") {
		isa, err := kernels.ParseISA(strings.TrimSpace(word))
		if err != nil {
			return nil, fmt.Errorf("-isa: %w", err)
		}
		if !slices.Contains(kernels.Available(), isa) {
			return nil, fmt.Errorf("-isa: this machine has no %v, only %v", isa, kernels.Available())
		}
		all = append(all, isa.String())
	}
	return all, nil
}
