// Bench measures how training scales over the ranks of mpirun, and predicts how it would on
// more of them by the model of docs/distributed.md.
//
//	mpirun -n 2 bench            a fixed batch (strong scaling)
//	mpirun -n 2 bench -weak      rows and shards for each rank (weak scaling)
//	bench -predict -parameters 10000000 -shard 0.1 -rest 0.02
//
// The script run makes both with 1 and 2 ranks, and PyTorch's DistributedDataParallel with
// Gloo beside them where SIMDRNN_PYTHON names a Python that has torch. Run it on a machine
// that has nothing else to do: a rank that is late makes all others wait.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/dist/mpi"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// options are the flags.
type options struct {
	hidden, layers, window, rows, shards, updates, warm, workers int
	weak, predict                                                bool
	cost                                                         cost
}

func main() {
	var o options
	flag.IntVar(&o.hidden, "hidden", 512, "units of each layer")
	flag.IntVar(&o.layers, "layers", 2, "layers")
	flag.IntVar(&o.window, "window", 32, "steps of a window")
	flag.IntVar(&o.rows, "rows", 64, "rows of a batch; with -weak of each rank")
	flag.IntVar(&o.shards, "shards", 4, "shards of a batch; with -weak of each rank")
	flag.IntVar(&o.updates, "updates", 10, "updates that are measured")
	flag.IntVar(&o.warm, "warm", 3, "updates before them")
	flag.IntVar(&o.workers, "workers", 1, "goroutines of each rank")
	flag.BoolVar(&o.weak, "weak", false, "so many rows and shards for each rank")
	flag.BoolVar(&o.predict, "predict", false, "measure nothing, and print what the model says")
	flag.IntVar(&o.cost.parameters, "parameters", 10_000_000, "with -predict, parameters")
	flag.Float64Var(&o.cost.shard, "shard", 0.1, "with -predict, seconds of a shard: forward and back")
	flag.Float64Var(&o.cost.rest, "rest", 0.02, "with -predict, seconds of the rest of an update")
	flag.Float64Var(&o.cost.early, "early", 0.5, "with -predict, share of the gradients that are complete at the end of the way back alone")
	flag.Float64Var(&o.cost.latency, "latency", 20e-6, "with -predict, seconds until a message arrives")
	flag.Float64Var(&o.cost.message, "message", 2e-6, "with -predict, seconds that a message keeps a processor busy")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	if o.predict {
		o.cost.print(os.Stdout, 512)
		return nil
	}
	world, err := mpi.Init()
	if err != nil {
		return err
	}
	if o.weak {
		o.rows, o.shards = o.rows*world.Size(), o.shards*world.Size()
	}
	return errors.Join(measure(world, o), world.Close())
}

func measure(g dist.Group, o options) error {
	if o.updates < 1 || o.warm < 1 {
		return fmt.Errorf("%d updates after %d, want at least 1 of each", o.updates, o.warm)
	}
	r := rand.New(rand.NewPCG(1, 1))
	text := make([]byte, 1+o.rows*o.window*(o.updates+o.warm))
	for i := range text {
		text[i] = byte(r.IntN(96))
	}
	source, err := data.NewText(text, o.rows)
	if err != nil {
		return err
	}
	emb, err := nn.NewEmbedding(96, 64, r)
	if err != nil {
		return err
	}
	rnn, err := lstm.New(lstm.Config{Input: 64, Hidden: o.hidden, Layers: o.layers}, r)
	if err != nil {
		return err
	}
	out, err := nn.NewLinear(o.hidden, 96, r)
	if err != nil {
		return err
	}
	net, err := nn.Chain(emb, rnn.Unroll(o.window, (o.rows+o.shards-1)/o.shards), out)
	if err != nil {
		return err
	}
	var trainer *bptt.Trainer
	var begin time.Time
	var before dist.Cost
	trainer, err = bptt.NewTrainer(net, source, bptt.Plan{
		Window: o.window, Shards: o.shards, Group: g, Workers: o.workers, ClipNorm: 1,
		Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 1e-3}, Steps: int64(o.warm + o.updates),
		OnStep: func(p bptt.Progress) error {
			if p.Step == int64(o.warm) {
				begin, before = time.Now(), trainer.Cost()
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	if _, err := trainer.Run(context.Background()); err != nil {
		return err
	}
	seconds := time.Since(begin).Seconds()
	if g.Rank() > 0 {
		return nil
	}
	parameters := 0
	net.EachParam(func(_ string, w, _ []float32) { parameters += len(w) })
	c := trainer.Cost()
	fmt.Printf("ranks %d shards %d rows %d parameters %d tier %v: ms_per_update %.2f symbols_per_second %.0f exchange_share %.3f waiting_share %.3f bytes_per_update %d fingerprint %x\n",
		g.Size(), o.shards, o.rows, parameters, kernels.Current(),
		1e3*seconds/float64(o.updates), float64(o.rows*o.window*o.updates)/seconds,
		(c.Busy-before.Busy).Seconds()/seconds, (c.Wait-before.Wait).Seconds()/seconds,
		(c.Bytes-before.Bytes)/int64(o.updates), nn.Fingerprint(net))
	return nil
}
