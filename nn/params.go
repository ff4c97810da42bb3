package nn

import (
	"errors"
	"fmt"
	"slices"

	"github.com/simdrnn/simdrnn/internal/crew"
	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/internal/pages"
	"github.com/simdrnn/simdrnn/kernels"
)

// A Param is one parameter of a net: its name, values and gradient.
type Param struct {
	Name string
	W, G []float32
}

// params are the parameters of a net. The same memory reported in several
// places is one parameter, which has the name of the first place.
type params struct {
	list []Param
	uses []use // only of parameters with gradients
}

// use is one place in which a parameter is reported.
type use struct {
	Param
	of  int // index of the parameter in list
	net int // the stage, or inChain if the chain gave it the memory of the gradient
}

// inChain is the net of a use in a stage whose gradients are the chain's, as those of an
// Embedding and a Linear are. Such stages add to one gradient if they share weights.
const inChain = -1

// find returns the index of the parameter whose values are w, -1 if there is
// none.
func (p *params) find(w []float32) int {
	for i := range p.list {
		if kernels.Same(p.list[i].W, w) {
			return i
		}
	}
	return -1
}

// addValues adds a parameter, unless its memory is in the list already, and returns its
// index. It is an error if q has the name of another parameter, or shares a part of its
// memory.
func (p *params) addValues(q Param) (int, error) {
	if i := p.find(q.W); i >= 0 {
		return i, nil
	}
	for _, o := range p.list {
		if o.Name == q.Name {
			return 0, fmt.Errorf("nn: two parameters are named %s, one of %d elements and one of %d, want a name of its own for each", q.Name, len(o.W), len(q.W))
		}
		if kernels.Overlap(o.W, q.W) {
			return 0, fmt.Errorf("nn: parameters %s of %d elements and %s of %d share a part of their memory, want all of it or none", o.Name, len(o.W), q.Name, len(q.W))
		}
	}
	p.list = append(p.list, q)
	return len(p.list) - 1, nil
}

// add is addValues for a parameter that is to be trained. It is an error if the gradient
// has another length, or memory in common with values or with another gradient.
func (p *params) add(q Param, net int) error {
	if len(q.G) != len(q.W) {
		return fmt.Errorf("nn: the gradient of parameter %s has %d elements, want %d, those of its values", q.Name, len(q.G), len(q.W))
	}
	of, err := p.addValues(q)
	if err != nil {
		return err
	}
	u := use{q, of, net}
	if err := u.checkMemory(u); err != nil {
		return err
	}
	for _, o := range p.uses {
		if err := u.checkMemory(o); err != nil {
			return err
		}
		if !kernels.Overlap(o.G, u.G) {
			continue
		}
		switch {
		case !kernels.Same(o.G, u.G) || o.of != u.of:
			return fmt.Errorf("nn: the gradients of %s and %s have memory in common, want a gradient of its own for each", o.Name, u.Name)
		case o.net != u.net:
			return fmt.Errorf("nn: %s and %s have one gradient: both stages are the same net, or contain it; %s", o.Name, u.Name, unrollAgain)
		}
	}
	p.uses = append(p.uses, u)
	return nil
}

// CheckParams returns an error if an optimizer cannot update the list: if a parameter has
// no gradient of its length, or if two parameters have memory in common.
func CheckParams(list []Param) error {
	for i, q := range list {
		if len(q.G) != len(q.W) {
			return fmt.Errorf("nn: the gradient of parameter %s has %d elements, want %d, those of its values; a net made by Infer has none", q.Name, len(q.G), len(q.W))
		}
		u := use{Param: q}
		if err := u.checkMemory(u); err != nil {
			return err
		}
		for _, o := range list[:i] {
			if kernels.Overlap(q.W, o.W) {
				return fmt.Errorf("nn: parameters %s of %d elements and %s of %d have memory in common, and an update would move it twice; list each memory once with the sum of its gradients, as Chain and NewTrainer do", o.Name, len(o.W), q.Name, len(q.W))
			}
			if err := u.checkMemory(use{Param: o}); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkMemory returns an error if the gradient of one use has memory in common with the
// values of the other.
func (u use) checkMemory(o use) error {
	for _, pair := range [][2]use{{u, o}, {o, u}} {
		if kernels.Overlap(pair[0].G, pair[1].W) {
			return fmt.Errorf("nn: the gradient of %s lies in the memory of parameter %s, want memory of its own", pair[0].Name, pair[1].Name)
		}
	}
	return nil
}

// mustNotOverlap panics if a slice of a call has memory in common with a parameter
// or a gradient.
func (p *params) mustNotOverlap(method, name string, v []float32) {
	for i := range p.list {
		if kernels.Overlap(v, p.list[i].W) {
			panic("nn: " + method + ": " + name + " overlaps parameter " + p.list[i].Name + " in memory; give it memory of its own")
		}
	}
	for i := range p.uses {
		if kernels.Overlap(v, p.uses[i].G) {
			panic("nn: " + method + ": " + name + " overlaps the gradient of " + p.uses[i].Name + " in memory; give it memory of its own")
		}
	}
}

const unrollAgain = "unroll the Layer again: both stages then share its weights as one parameter"

// errNoGradient is the error of training a net in which a parameter has no gradient; name
// is "" if there are no parameters.
func errNoGradient(what, name string) error {
	if name == "" {
		return errors.New(what + "it was made by Infer; make a net that is to be trained by Unroll")
	}
	return fmt.Errorf("%sparameter %s has no gradient, as in a net made by Infer; make a net that is to be trained by Unroll", what, name)
}

// gradient returns memory of the chain for the gradient of w: what an earlier stage with
// the same weights got, or new memory.
func (p *params) gradient(w []float32) []float32 {
	for _, u := range p.uses {
		if u.net == inChain && kernels.Same(u.W, w) {
			return u.G
		}
	}
	return pages.Floats(len(w))
}

// sums returns the sums of the gradients of shared parameters, nil if each parameter
// has one gradient.
func (p *params) sums() *Sums {
	s := &Sums{}
	var shared []Param
	for i, q := range p.list {
		grads := [][]float32{q.G}
		for _, u := range p.uses {
			seen := func(g []float32) bool { return kernels.Same(g, u.G) }
			if u.of == i && len(u.G) > 0 && !slices.ContainsFunc(grads, seen) {
				grads = append(grads, u.G)
			}
		}
		if len(grads) > 1 {
			shared = append(shared, q)
			s.more = append(s.more, grads[1:])
		}
	}
	if shared == nil {
		return nil
	}
	lengths := make([]int, len(shared))
	for i := range shared {
		lengths[i] = len(shared[i].W)
	}
	s.isa, s.shared = kernels.Current(), shared
	s.pieces.Init(s.isa, lengths, s.add)
	return s
}

// Sums adds up the gradients of each parameter that has several. nil is for a net without
// such parameters.
type Sums struct {
	isa    kernels.ISA
	pieces crew.Pieces
	shared []Param
	more   [][][]float32 // for each of shared: the other gradients to add to its G
}

// Run adds the further gradients to that of the first place, in the order of
// the places, and sets them to +0 for the next Backward. It is split among that many
// workers at most, 0 for no such limit.
func (s *Sums) Run(workers int) {
	if s != nil {
		s.pieces.Set(workers)
		s.pieces.Run()
	}
}

func (s *Sums) add(i, lo, hi int) {
	sum := s.shared[i].G[lo:hi]
	for _, g := range s.more[i] {
		s.isa.Add(sum, sum, g[lo:hi])
		clear(g[lo:hi])
	}
}

var errNoNet = errors.New("nn: the net is nil; Chain makes one, and so does Unroll of a layer")

// Params returns the parameters of net, each memory once, under its first name. A net for
// inference has no gradients: there G is nil.
func Params(net Net) ([]Param, error) {
	if nilcheck.IsNil(net) {
		return nil, errNoNet
	}
	var p params
	var err error
	net.EachParam(func(name string, w, g []float32) {
		if err == nil {
			_, err = p.addValues(Param{name, w, g})
		}
	})
	return p.list, err
}

// Trained returns the parameters of a net that is to be trained, each memory once, and
// the sums of the gradients of those that the net reports several times. It is an error if
// a parameter has no gradient, or if memory is shared in part.
func Trained(net Net) ([]Param, *Sums, error) {
	if nilcheck.IsNil(net) {
		return nil, nil, errNoNet
	}
	if name, infer := noGradient(net); infer {
		return nil, nil, errNoGradient("nn: ", name)
	}
	var p params
	var err error
	net.EachParam(func(name string, w, g []float32) {
		if err == nil {
			err = p.add(Param{name, w, g}, 0)
		}
	})
	if err != nil {
		return nil, nil, err
	}
	return p.list, p.sums(), nil
}

// noGradient says whether net has no gradients, and returns the name of the first
// parameter without one, "" if there are no parameters. A chain for inference has no
// gradients at all: for it noGradient returns the parameter of a stage that made it such a
// chain.
func noGradient(net Net) (first string, infer bool) {
	if m, ok := net.(*Model); ok {
		return m.frozen, m.infer
	}
	net.EachParam(func(name string, w, g []float32) {
		if first == "" && len(w) > 0 && g == nil {
			first = name
		}
	})
	return first, first != ""
}
