// Command spago is the driver of spaGO, a machine learning library in pure Go.
//
// Its layers are written for one sequence. They are run faster here than as they
// come: a batch is the columns of one matrix, so that their products are those of
// matrices, and the biases are as wide as the batch.
package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/nlpodyssey/spago/ag"
	"github.com/nlpodyssey/spago/mat"
	"github.com/nlpodyssey/spago/nn"
	"github.com/nlpodyssey/spago/nn/recurrent/gru"
	"github.com/nlpodyssey/spago/nn/recurrent/lstm"
	"github.com/nlpodyssey/spago/nn/recurrent/srn"

	"github.com/simdrnn/simdrnn/bench/peers/driver"
)

func main() {
	if err := driver.Serve(os.Stdin, os.Stdout, version()+", "+runtime.Version(), setup, nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/nlpodyssey/spago" {
				return m.Version
			}
		}
	}
	return "unknown version"
}

// A layer is what all of spaGO's recurrent layers have.
type layer interface {
	nn.Model
	Forward(xs ...mat.Tensor) []mat.Tensor
}

func newLayer(cell string, in, out int) (layer, error) {
	switch cell {
	case "lstm":
		return lstm.New[float32](in, out), nil
	case "gru":
		return gru.New[float32](in, out), nil
	case "rnn":
		return srn.New[float32](in, out), nil
	}
	return nil, driver.Unsupported("no layer %s", cell)
}

func matrix(rows, cols int, scale float32, seed uint64) *mat.Dense[float32] {
	return mat.NewDense[float32](mat.WithShape(rows, cols), mat.WithBacking(driver.Numbers(rows*cols, scale, seed)))
}

func setup(s *driver.Settings) (func(), error) {
	cell, form, _ := strings.Cut(s.String("op"), "-")
	if form != "train" && form != "infer" {
		return nil, driver.Unsupported("layers over whole sequences only")
	}
	T, B, I, H := s.Int("T"), s.Int("B"), s.Int("I"), s.Int("H")
	if err := s.Err(); err != nil {
		return nil, err
	}
	if I == 1 || H == 1 {
		return nil, driver.Unsupported("a matrix of one column cannot be told from a bias")
	}
	net, err := newLayer(cell, I, H)
	if err != nil {
		return nil, err
	}
	var params []*nn.Param
	nn.ForEachParam(net, func(p *nn.Param) {
		rows, cols := p.Value().Shape()[0], p.Value().Shape()[1]
		if cols == 1 { // a bias
			cols = B
		}
		p.ReplaceValue(matrix(rows, cols, 1/float32(math.Sqrt(float64(H))), uint64(len(params))))
		params = append(params, p)
	})
	train := form == "train"
	xs, dys := make([]mat.Tensor, T), make([]mat.Tensor, T)
	for t := range T {
		x := matrix(I, B, 1, uint64(100+t))
		x.SetRequiresGrad(train)
		xs[t], dys[t] = x, matrix(H, B, 1e-3, uint64(1000+t))
	}
	return func() {
		for _, p := range params {
			p.ZeroGrad()
		}
		if !train {
			net.Forward(xs...)
			return
		}
		for _, x := range xs {
			x.ZeroGrad()
		}
		ys := net.Forward(xs...)
		for t, y := range ys {
			y.AccGrad(dys[t])
		}
		if err := ag.Backward(ys...); err != nil {
			panic(err)
		}
	}, nil
}
