// Bench measures how training scales over the ranks of mpirun, beside PyTorch's
// DistributedDataParallel with Gloo, and predicts how it would on more of them by the model of
// docs/distributed.md.
//
//	bench/run -out DIR                   the comparison: Markdown and lines of JSON
//	go run ./bench -fill FILE            docs/distributed.md from the rounds.jsonl of that
//	go run ./bench -predict -parameters 10000000 -shard 0.1 -rest 0.02
//	mpirun -n 2 bench -workload sums     one measurement
//	mpirun -n 2 bench -workload messages how long a message takes
//
// Run the comparison on a machine that has nothing else to do: a rank that is late makes all
// others wait. Each rank has one thread that computes, ours and DDP's.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/simdrnn/simdrnn/dist/mpi"
)

// options are the flags.
type options struct {
	size
	workload            string
	predict             bool
	cost                cost
	compare             bool
	rounds              int
	out, python, mpirun string
	commit              string
	given               []string // flags of sizes and rounds
	fill, page          string
}

func main() {
	var o options
	flag.IntVar(&o.Hidden, "hidden", 512, "units of each layer")
	flag.IntVar(&o.Layers, "layers", 2, "layers")
	flag.IntVar(&o.Window, "window", 32, "steps of a window")
	flag.IntVar(&o.Rows, "rows", 64, "rows of a batch, over all ranks")
	flag.IntVar(&o.Shards, "shards", 2, "shards of a batch")
	flag.IntVar(&o.Updates, "updates", 10, "updates that are measured")
	flag.IntVar(&o.Warm, "warm", 3, "updates before them")
	flag.StringVar(&o.workload, "workload", "", "measure one `thing` on the ranks of mpirun: sums or messages")
	flag.BoolVar(&o.compare, "compare", false, "the comparison; see bench/run")
	flag.IntVar(&o.rounds, "rounds", 5, "with -compare, rounds, each with all configurations")
	flag.StringVar(&o.out, "out", "", "with -compare, the `folder` for README.md and rounds.jsonl")
	flag.StringVar(&o.python, "python", os.Getenv("SIMDRNN_PYTHON"), "with -compare, a `Python` that has torch")
	flag.StringVar(&o.mpirun, "mpirun", "mpirun", "with -compare, the `program` that starts ranks")
	flag.StringVar(&o.commit, "commit", "an unknown commit", "with -compare, `what` was built")
	flag.StringVar(&o.fill, "fill", "", "predict from this rounds.jsonl `FILE` of a comparison, and write that into -page")
	flag.StringVar(&o.page, "page", "../../docs/distributed.md", "with -fill, the page")
	flag.BoolVar(&o.predict, "predict", false, "measure nothing, and print what the model says")
	flag.IntVar(&o.cost.parameters, "parameters", 10_000_000, "with -predict, parameters")
	flag.Float64Var(&o.cost.shard, "shard", 0.1, "with -predict, seconds of a shard: forward and back")
	flag.Float64Var(&o.cost.rest, "rest", 0.02, "with -predict, seconds of the rest of an update")
	flag.Float64Var(&o.cost.early, "early", 0.5, "with -predict, share of the gradients that are complete only at the end of the way back")
	flag.Float64Var(&o.cost.latency, "latency", 20e-6, "with -predict, seconds until a message arrives")
	flag.Float64Var(&o.cost.message, "message", 2e-6, "with -predict, seconds that a message keeps a processor busy")
	flag.Parse()
	flag.Visit(func(f *flag.Flag) {
		if f.Name != "compare" && f.Name != "out" && f.Name != "commit" && f.Name != "python" {
			o.given = append(o.given, fmt.Sprintf("-%s=%v", f.Name, f.Value))
		}
	})
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	switch {
	case flag.NArg() > 0:
		return fmt.Errorf("%q is no flag", flag.Arg(0))
	case o.predict:
		o.cost.print(os.Stdout, 512)
		return nil
	case o.fill != "":
		return fill(o.page, o.fill)
	case o.compare:
		return compare(o)
	case o.workload != "sums" && o.workload != "messages":
		return fmt.Errorf("-workload is %q, want sums or messages; or give -compare, -fill or -predict", o.workload)
	}
	world, err := mpi.Init()
	if err != nil {
		return err
	}
	var m measurement
	if o.workload == "sums" {
		m, err = o.size.measure(world)
	} else {
		m, err = messages(world, 2000)
	}
	if err != nil {
		return err // without Close this ends the job
	}
	if world.Rank() == 0 {
		m.Library = mpi.Library()
		err = json.NewEncoder(os.Stdout).Encode(m)
	}
	return errors.Join(err, world.Close())
}
