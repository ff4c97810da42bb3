// Fingerprint checks the promise of docs/numerics.md on the machine it runs on:
// it trains small models of every family for 20 steps on each tier of kernels
// that the machine has and on 1 to 8 workers, and compares the SHA-256 of
// parameters, gradients and outputs with those that are committed.
//
//	go -C bench run ./fingerprint          every worker count
//	go -C bench run ./fingerprint -short   1 and 3 workers
//	go -C bench run ./fingerprint -full    hashes in full, not their first 16 digits
//
// The exit status is 0 when all are equal, 1 when one is not, 2 when the program
// could not run.
package main

import (
	"context"
	_ "embed"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/simdrnn/simdrnn/nn"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/kernels"
)

func main() {
	short := flag.Bool("short", false, "1 and 3 workers only")
	full := flag.Bool("full", false, "print hashes in full")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	os.Exit(check(os.Stdout, golden, workers(*short), *full))
}

// workers are the worker counts to compare.
func workers(short bool) []int {
	if short {
		return []int{1, 3}
	}
	return []int{1, 2, 3, 4, 5, 6, 7, 8}
}

// golden has one line for each family: its name and three hashes.
//
//go:embed golden.txt
var golden string

// steps of training.
const steps = 20

// prints are what one training run leaves: the SHA-256, in hexadecimal, of the
// parameters, of the gradients of the last step, and of the outputs of the
// trained model.
type prints [3]string

var kinds = prints{"parameters", "gradients", "outputs"}

// check compares all tiers and the given worker counts with want, prints a row
// for each, and returns the exit status.
func check(w io.Writer, want string, workers []int, full bool) int {
	info := kernels.Info()
	cpu := info.CPU
	if cpu == "" {
		cpu = "a CPU that does not tell its name"
	}
	fmt.Fprintf(w, "%s/%s, %s\n", runtime.GOOS, runtime.GOARCH, cpu)
	fmt.Fprintf(w, "%s, tiers %v, float mode %s\n\n", runtime.Version(), info.Available, info.FloatMode)
	expected, err := parse(want)
	if err == nil {
		err = info.Err
	}
	if err != nil {
		fmt.Fprintln(w, "fingerprint:", err)
		return 2
	}
	digits := 16
	if full {
		digits = 64
	}
	row := func(tier, n any, model string, p prints, verdict string) {
		fmt.Fprintf(w, "%-7v %-7v %-23s %-*.*s %-*.*s %-*.*s %s\n", tier, n, model, digits, digits, p[0], digits, digits, p[1], digits, digits, p[2], verdict)
	}
	row("tier", "workers", "model", kinds, "verdict")
	compared, different := 0, 0
	for _, isa := range info.Available {
		if err := kernels.Use(isa); err != nil {
			fmt.Fprintln(w, "fingerprint:", err)
			return 2
		}
		for _, n := range workers {
			for _, f := range families {
				got, err := train(f, n)
				if err != nil {
					fmt.Fprintf(w, "fingerprint: %s on %v, %d workers: %v\n", f.name, isa, n, err)
					return 1
				}
				verdict := "equal"
				if wrong := differences(got, expected[f.name]); wrong != "" {
					verdict = "DIFFERENT: " + wrong
					different++
				}
				compared++
				row(isa, n, f.name, got, verdict)
			}
		}
	}
	if different > 0 {
		fmt.Fprintf(w, "\nFAILED: %d of %d rows differ from the committed values. This machine does not compute what others do:\n"+
			"please report the output of this command, with -full.\n", different, compared)
		return 1
	}
	fmt.Fprintf(w, "\nok: all %d rows are equal to the committed values\n", compared)
	return 0
}

// differences names the hashes that are not as wanted.
func differences(got, want prints) string {
	var list []string
	for i, kind := range kinds {
		if got[i] != want[i] {
			list = append(list, kind)
		}
	}
	return strings.Join(list, ", ")
}

// parse reads the golden lines and refuses a set that is not that of families.
func parse(text string) (map[string]prints, error) {
	all := map[string]prints{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != 4 {
			return nil, fmt.Errorf("golden values: %q, want a name and three hashes", line)
		}
		all[f[0]] = prints(f[1:])
	}
	for _, f := range families {
		if _, ok := all[f.name]; !ok {
			return nil, fmt.Errorf("golden values: none for %s", f.name)
		}
	}
	if len(all) != len(families) {
		return nil, fmt.Errorf("golden values: %d models, want %d", len(all), len(families))
	}
	return all, nil
}

// train makes a model on the current tier, trains it and takes its prints. A NaN
// is an error: these runs have none.
func train(f family, workers int) (p prints, err error) {
	r, err := f.make()
	if err != nil {
		return p, err
	}
	r.plan.Steps, r.plan.Workers = steps, workers
	report, err := bptt.Train(context.Background(), r.net, r.data, r.plan)
	if err != nil {
		return p, err
	}
	if report.Step != steps {
		return p, fmt.Errorf("%d steps of training, want %d", report.Step, steps)
	}
	var params, grads named
	r.net.EachParam(func(name string, w, g []float32) {
		params.add(name, w)
		grads.add(name, g)
	})
	y, err := r.outputs()
	if err != nil {
		return p, err
	}
	var outputs named
	outputs.add("outputs", y)
	for i, tensors := range []named{params, grads, outputs} {
		for _, t := range tensors.list {
			for j, v := range t.W {
				if v != v {
					return p, fmt.Errorf("%s of %s: element %d is NaN", kinds[i], t.Name, j)
				}
			}
		}
		sum := nn.Fingerprint(tensors)
		p[i] = hex.EncodeToString(sum[:])
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
