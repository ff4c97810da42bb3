// Package fingerprint tells whether a machine computes the bits that docs/numerics.md
// promises. Check trains small models of every family for 20 steps, on each tier of
// kernels that the machine has and with several numbers of workers, and compares the
// SHA-256 of parameters, gradients and outputs with the values that every other
// machine has. These are part of the package.
//
// The same check as a program: go -C bench run ./fingerprint, or simdrnn verify of the
// module in cmd.
package fingerprint

import (
	"context"
	_ "embed"
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/nn"
)

// golden has one line for each family: its name and three hashes. The scalar tier
// wrote them on amd64 (TestGolden -update).
//
//go:embed golden.txt
var golden string

// steps of training.
const steps = 20

// Prints are what one training run leaves: the SHA-256, in hexadecimal, of all
// parameters, of the gradients of the last step, and of the outputs of the trained model.
type Prints struct {
	Parameters, Gradients, Outputs string
}

// Different names the hashes that are not those of want: "" for none, else such as
// "gradients, outputs".
func (p Prints) Different(want Prints) string {
	var list []string
	for _, kind := range []struct{ name, got, want string }{
		{"parameters", p.Parameters, want.Parameters}, {"gradients", p.Gradients, want.Gradients}, {"outputs", p.Outputs, want.Outputs},
	} {
		if kind.got != kind.want {
			list = append(list, kind.name)
		}
	}
	return strings.Join(list, ", ")
}

// A Row is one model, trained on one tier with one number of workers.
type Row struct {
	ISA       kernels.ISA
	Workers   int
	Model     string
	Got, Want Prints
}

// Head is the line of a table above the lines of rows with so many digits of each hash.
func Head(digits int) string {
	return line("tier", "workers", "model", Prints{"parameters", "gradients", "outputs"}, digits, "verdict")
}

// Line is the row as a line of a table with the first digits, 1 to 64, of each hash.
func (r Row) Line(digits int) string {
	verdict := "equal"
	if wrong := r.Got.Different(r.Want); wrong != "" {
		verdict = "DIFFERENT: " + wrong
	}
	return line(r.ISA, r.Workers, r.Model, r.Got, digits, verdict)
}

func line(tier, workers any, model string, p Prints, digits int, verdict string) string {
	return fmt.Sprintf("%-7v %-7v %-23s %-*.*s %-*.*s %-*.*s %s", tier, workers, model,
		digits, digits, p.Parameters, digits, digits, p.Gradients, digits, digits, p.Outputs, verdict)
}

// Machine is what runs the check, in two lines: system, CPU, Go, tiers.
func Machine() string {
	info := kernels.Info()
	cpu := info.CPU
	if cpu == "" {
		cpu = "a CPU that does not tell its name"
	}
	return fmt.Sprintf("%s/%s, %s\n%s, tiers %v, float mode %s\n", runtime.GOOS, runtime.GOARCH, cpu, runtime.Version(), info.Available, info.FloatMode)
}

// Rows is the number of rows that Check has for these numbers of workers.
func Rows(workers []int) int { return len(kernels.Info().Available) * len(workers) * len(families) }

// Check trains every model on every available tier with each of the numbers of workers,
// 1 to 256, and calls each for every Row, equal or not: all its rows come, and different
// says how many were not equal. It sets the tier by kernels.Use and puts the one from
// before back at its end, so nothing else of the program should make layers meanwhile.
// The check of one tier and one number of workers takes some hundred milliseconds.
//
// It returns an error for a SIMDRNN_ISA that is not there, for a number of workers out of
// range, the error of each, ctx's when it is done, which is looked at before each row, and
// that of a training, such as one whose numbers became NaN.
func Check(ctx context.Context, workers []int, each func(Row) error) (different int, err error) {
	return check(ctx, golden, workers, each)
}

func check(ctx context.Context, table string, workers []int, each func(Row) error) (different int, err error) {
	info, before := kernels.Info(), kernels.Current()
	if info.Err != nil {
		return 0, info.Err
	}
	want, err := parse(table)
	if err != nil {
		return 0, err
	}
	for _, n := range workers {
		if n < 1 || n > 256 {
			return 0, fmt.Errorf("fingerprint: %d workers, want 1 to 256", n)
		}
	}
	defer func() {
		if e := kernels.Use(before); err == nil {
			err = e
		}
	}()
	defer split.ShareAll()() // the models are so small that one worker would do all
	for _, isa := range info.Available {
		if err := kernels.Use(isa); err != nil {
			return different, err
		}
		for _, n := range workers {
			for _, f := range families {
				if err := ctx.Err(); err != nil {
					return different, err
				}
				got, err := train(ctx, f, n)
				if err != nil {
					return different, fmt.Errorf("fingerprint: %s on %v, %d workers: %w", f.name, isa, n, err)
				}
				row := Row{isa, n, f.name, got, want[f.name]}
				if row.Got != row.Want {
					different++
				}
				if err := each(row); err != nil {
					return different, err
				}
			}
		}
	}
	return different, nil
}

// parse reads the golden lines and refuses a set that is not that of families.
func parse(text string) (map[string]Prints, error) {
	all := map[string]Prints{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != 4 {
			return nil, fmt.Errorf("fingerprint: golden values: %q, want a name and three hashes", line)
		}
		all[f[0]] = Prints{f[1], f[2], f[3]}
	}
	for _, f := range families {
		if _, ok := all[f.name]; !ok {
			return nil, fmt.Errorf("fingerprint: golden values: none for %s", f.name)
		}
	}
	if len(all) != len(families) {
		return nil, fmt.Errorf("fingerprint: golden values: %d models, want %d", len(all), len(families))
	}
	return all, nil
}

// train makes a model on the current tier, trains it and takes its prints. A NaN
// is an error: these runs have none.
func train(ctx context.Context, f family, workers int) (p Prints, err error) {
	r, err := f.make()
	if err != nil {
		return p, err
	}
	r.plan.Steps, r.plan.Workers = steps, workers
	report, err := bptt.Train(ctx, r.net, r.data, r.plan)
	if err != nil {
		return p, err
	}
	if report.Step != steps {
		return p, fmt.Errorf("%d steps of training, want %d", report.Step, steps)
	}
	var params, grads, outputs named
	r.net.EachParam(func(name string, w, g []float32) {
		params.add(name, w)
		grads.add(name, g)
	})
	y, err := r.outputs()
	if err != nil {
		return p, err
	}
	outputs.add("outputs", y)
	for _, part := range []struct {
		named
		to *string
	}{{params, &p.Parameters}, {grads, &p.Gradients}, {outputs, &p.Outputs}} {
		for _, t := range part.list {
			for j, v := range t.W {
				if v != v {
					return p, fmt.Errorf("element %d of %s, or of its gradient, is NaN", j, t.Name)
				}
			}
		}
		sum := nn.Fingerprint(part.named)
		*part.to = hex.EncodeToString(sum[:])
	}
	return p, nil
}

// named shows any tensors as the parameters of a net, which is what
// nn.Fingerprint hashes; it has no other method of a net.
type named struct {
	nn.Net
	list []nn.Param
}

func (n *named) add(name string, v []float32) {
	n.list = append(n.list, nn.Param{Name: name, W: v})
}

// EachParam calls f for every tensor; there are no gradients.
func (n named) EachParam(f func(name string, w, g []float32)) {
	for _, t := range n.list {
		f(t.Name, t.W, nil)
	}
}
