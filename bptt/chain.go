package bptt

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// A Model is a chain of stages: the output of one is the input of the next. It
// is a Net, except that a model whose first stage is an Embedding takes ids:
// ForwardIDs in place of Forward. Like any Net it is used by one goroutine at a
// time; models built over the same layers may be used at the same time as long
// as none is trained.
type Model struct {
	steps, batch, in, out int

	isa     kernels.ISA
	team    crew
	emb     *Embedding
	embGrad []float32
	links   []*link
	params  []Param
	state   []int // lengths of the tensors of State

	ids     []int32   // of the last ForwardIDs
	first   []float32 // what the embedding gave the first link, or the caller's x
	dfirst  []float32 // its gradient, with an embedding
	t       int       // steps of the last forward pass
	lengths []int     // nil: all rows are whole
	lens    []int     // the memory of lengths

	pairs, chunks []int32 // see order
	stale         bool    // lengths or t changed since
	pending       bool    // no Backward has used the last forward pass
}

// link is a stage after the embedding: a net or a linear layer.
type link struct {
	net     Net
	lin     *linear
	in, out int
	y, dy   []float32 // [steps][batch][out]; nil for the last link, which uses the caller's
	tensors int       // of the net's state
}

// Chain puts stages together: an *Embedding first if the input is ids, then
// *Linear layers and Nets, at least one of them a Net, which gives the chain
// its steps and rows. It returns an error where widths, steps or rows do not
// fit. Parameters are named as in PyTorch's nn.Sequential: "0.weight",
// "1.weight_ih_l0", "2.bias", the number being the place of the stage.
func Chain(stages ...Stage) (*Model, error) {
	m := &Model{isa: kernels.Current()}
	if err := kernels.Info().Err; err != nil {
		return nil, err
	}
	found := false
	width := 0
	for i, s := range stages {
		if s == nil {
			return nil, fmt.Errorf("bptt: stage %d of the chain is nil", i)
		}
		// A stage holds what it did for one place: twice it would overwrite its
		// activations, and a parameter would be two.
		if first := place(stages[:i], s); first >= 0 {
			return nil, fmt.Errorf("bptt: stage %d of the chain is stage %d again; unroll or create another", i, first)
		}
		steps, batch, in, out := s.Dims()
		if i == 0 {
			m.in = in
		} else if in != width {
			return nil, fmt.Errorf("bptt: stage %d of the chain takes width %d, the stage before it gives %d", i, in, width)
		}
		width = out
		if _, ok := s.(Net); !ok {
			continue
		}
		if found && (steps != m.steps || batch != m.batch) {
			return nil, fmt.Errorf("bptt: stage %d of the chain has %d steps and %d rows, an earlier one %d and %d", i, steps, batch, m.steps, m.batch)
		}
		m.steps, m.batch, found = steps, batch, true
	}
	if !found {
		return nil, fmt.Errorf("bptt: none of the %d stages of the chain is a Net", len(stages))
	}
	m.out = width
	most := m.steps * m.batch
	m.pairs = make([]int32, 0, most)
	m.chunks = make([]int32, 0, m.steps)
	for i, s := range stages {
		var l *link
		switch s := s.(type) {
		case *Embedding:
			if i != 0 {
				return nil, fmt.Errorf("bptt: stage %d of the chain is an Embedding, which can only be the first", i)
			}
			if len(stages) == 1 {
				return nil, fmt.Errorf("bptt: a chain of an Embedding alone")
			}
			m.emb = s
			m.embGrad = make([]float32, len(s.Weight))
			m.ids = make([]int32, 0, most)
			m.first = make([]float32, most*s.Dim)
			m.dfirst = make([]float32, most*s.Dim)
			m.addParam(i, "weight", s.Weight, m.embGrad)
			continue
		case *Linear:
			var grad []float32
			if s.tied != nil {
				if s.tied != m.emb {
					return nil, fmt.Errorf("bptt: stage %d of the chain is the Readout of an Embedding that is not its first stage", i)
				}
				grad = m.embGrad
			}
			l = &link{lin: newLinear(s, m.isa, grad, split.ChunkSteps(m.batch)*m.batch), in: s.In, out: s.Out}
			if s.tied == nil {
				m.addParam(i, "weight", s.Weight, l.lin.dw)
			}
			if s.Bias != nil {
				m.addParam(i, "bias", s.Bias, l.lin.db)
			}
		case Net:
			_, _, in, out := s.Dims()
			l = &link{net: s, in: in, out: out}
			m.state, l.tensors = addLengths(m.state, s.State())
			s.EachParam(func(name string, w, g []float32) { m.addParam(i, name, w, g) })
		default:
			return nil, fmt.Errorf("bptt: stage %d of the chain is a %T, want *Embedding, *Linear or a Net", i, s)
		}
		if i < len(stages)-1 {
			l.y = make([]float32, most*l.out)
			l.dy = make([]float32, most*l.out)
		}
		m.links = append(m.links, l)
	}
	var seen [][]uint64
	again := false
	m.masks(func(n masked) {
		s := n.MaskState()
		again = again || slices.ContainsFunc(seen, func(e []uint64) bool { return slices.Equal(e, s) })
		seen = append(seen, s)
	})
	if again {
		m.SetSeed(0)
	}
	return m, nil
}

// place is where s stands in stages, -1 if it does not. Stages that cannot be
// compared are values, each of them one of its own.
func place(stages []Stage, s Stage) int {
	if !reflect.TypeOf(s).Comparable() {
		return -1
	}
	return slices.Index(stages, s)
}
