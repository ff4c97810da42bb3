// Charlm-mpi trains a character model on as many processes as mpirun starts:
//
//	mpirun -n 4 charlm-mpi -text war-and-peace.txt -dir run
//
// The weights at the end have the same bits on any number of ranks from 1 to -shards. A run
// that was ended, by whatever, goes on with the flag -resume, on any number of ranks too. The first
// rank prints and writes files; all ranks read the text.
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/dist/mpi"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// options are the flags.
type options struct {
	text, dir                     string
	hidden, layers, window        int
	rows, shards                  int
	steps, every, report, workers int
	rate, dropout                 float64
	seed                          uint64
	resume, sameTiers             bool
}

func flags(args []string) (o options, err error) {
	f := flag.NewFlagSet("charlm-mpi", flag.ContinueOnError)
	f.StringVar(&o.text, "text", "", "the `FILE` of the text; all ranks read it")
	f.StringVar(&o.dir, "dir", "", "the `FOLDER` for checkpoints, which the first rank alone needs; none without it")
	f.IntVar(&o.hidden, "hidden", 128, "units of each layer")
	f.IntVar(&o.layers, "layers", 1, "layers")
	f.IntVar(&o.window, "window", 32, "steps of a window")
	f.IntVar(&o.rows, "rows", 32, "rows of a batch, over all ranks")
	f.IntVar(&o.shards, "shards", 8, "shards of a batch, at least as many as ranks; part of what is computed")
	f.IntVar(&o.steps, "steps", 1000, "updates")
	f.IntVar(&o.every, "every", 100, "updates between checkpoints; 0: at the end alone")
	f.IntVar(&o.report, "report", 100, "updates between lines of progress; 0: none")
	f.IntVar(&o.workers, "workers", 0, "the most goroutines of each rank; 0: as many as the processors that MPI binds it to")
	f.Float64Var(&o.rate, "rate", 2e-3, "learning rate of Adam")
	f.Float64Var(&o.dropout, "dropout", 0, "probability of dropout before the readout")
	f.Uint64Var(&o.seed, "seed", 1, "of the weights and masks")
	f.BoolVar(&o.resume, "resume", false, "go on from the last checkpoint in -dir")
	f.BoolVar(&o.sameTiers, "same-tiers", false, "end at the start if the ranks have several tiers of instruction sets")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("%q is no flag", f.Arg(0))
	case o.text == "":
		return o, errors.New("no text; give a file with -text")
	case o.resume && o.dir == "":
		return o, errors.New("-resume without -dir; give the folder of the run")
	case o.rows < 1 || o.shards < 1 || o.shards > o.rows:
		return o, fmt.Errorf("%d shards of %d rows, want 1 or more, and not more shards than rows", o.shards, o.rows)
	}
	for _, size := range []struct {
		name string
		n    int
	}{{"hidden", o.hidden}, {"layers", o.layers}, {"window", o.window}, {"steps", o.steps}} {
		if size.n < 1 {
			return o, fmt.Errorf("-%s is %d, want 1 or more", size.name, size.n)
		}
	}
	if o.every < 0 || o.report < 0 || o.workers < 0 {
		return o, fmt.Errorf("-every is %d, -report %d and -workers %d, want 0 or more", o.every, o.report, o.workers)
	}
	return o, nil
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "charlm-mpi:", err)
		}
		// Without Close this ends the whole job: no rank waits for this one.
		os.Exit(1)
	}
}

func run(args []string) error {
	o, err := flags(args)
	if err != nil {
		return err
	}
	world, err := mpi.Init()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err = train(ctx, world, o)
	if interrupted(err) {
		if world.Rank() == 0 {
			fmt.Fprintln(os.Stderr, "charlm-mpi: ended by a signal")
		}
		err = nil
	}
	if err != nil {
		return fmt.Errorf("rank %d of %d: %w", world.Rank(), world.Size(), err)
	}
	return world.Close()
}

// interrupted says whether a run has ended by a signal to one of the ranks and by nothing else:
// where the last checkpoint could not be written too, err is of both.
func interrupted(err error) bool {
	for err != nil && err != context.Canceled {
		err = errors.Unwrap(err) // nil where err is of two
	}
	return err != nil
}

func train(ctx context.Context, g dist.Group, o options) error {
	text, err := os.ReadFile(o.text)
	if err != nil {
		return fmt.Errorf("%w; name a file with -text that every rank can read", err)
	}
	source, err := data.NewText(text, o.rows)
	if err != nil {
		return err
	}
	net, err := model(o)
	if err != nil {
		return err
	}
	first := g.Rank() == 0
	meta := fmt.Sprintf("charlm-mpi hidden %d layers %d window %d dropout %v seed %d", o.hidden, o.layers, o.window, o.dropout, o.seed)
	begin, before := time.Now(), int64(0)
	plan := bptt.Plan{
		Window: o.window, Shards: o.shards, Group: g, SameTiers: o.sameTiers, Workers: o.workers,
		Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: o.rate}, ClipNorm: 5, Steps: int64(o.steps),
		OnStep: func(p bptt.Progress) error {
			if first && o.report > 0 && p.Step%int64(o.report) == 0 {
				fmt.Printf("step %d, %.4f bits a character, %.0f characters a second\n", p.Step, loss.BitsPerSymbol(p.Loss), float64(p.Counted-before)/time.Since(begin).Seconds())
				begin, before = time.Now(), p.Counted
			}
			return nil
		},
	}
	if o.dir != "" {
		plan.Checkpoint = bptt.Checkpoints{Dir: o.dir, EverySteps: int64(o.every), Meta: []byte(meta)}
	}
	trainer, err := bptt.NewTrainer(net, source, plan)
	if err != nil {
		return err
	}
	if o.resume {
		found, err := trainer.ResumeLast()
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("no %s in %s to go on from; leave out -resume to begin", bptt.LastFile, o.dir)
		}
	}
	if first {
		fmt.Printf("%d ranks, %d shards of at most %d rows, %s, %s\n", g.Size(), o.shards, rowsOfShard(o), trainer.Tiers()[0].ISA, mpi.Library())
		if trainer.Tiers().Differ() {
			fmt.Printf("several tiers, with the same bits; the fastest ranks wait for the slowest: %v\n", trainer.Tiers())
		}
	}
	report, err := trainer.Run(ctx)
	if err != nil {
		return err
	}
	if first {
		print := nn.Fingerprint(net)
		fmt.Printf("%d updates, fingerprint %x\n", report.Step, print[:sha256.Size])
	}
	return nil
}

func rowsOfShard(o options) int { return (o.rows + o.shards - 1) / o.shards }

func model(o options) (*nn.Model, error) {
	r := rand.New(rand.NewPCG(o.seed, 0))
	emb, err := nn.NewEmbedding(256, min(o.hidden, 64), r)
	if err != nil {
		return nil, err
	}
	rnn, err := lstm.New(lstm.Config{Input: emb.Dim, Hidden: o.hidden, Layers: o.layers}, r)
	if err != nil {
		return nil, err
	}
	out, err := nn.NewLinear(o.hidden, 256, r)
	if err != nil {
		return nil, err
	}
	net, err := nn.Chain(emb, rnn.Unroll(o.window, rowsOfShard(o)), nn.Dropout{P: float32(o.dropout)}, out)
	if err != nil {
		return nil, err
	}
	net.SetSeed(o.seed)
	return net, nil
}
