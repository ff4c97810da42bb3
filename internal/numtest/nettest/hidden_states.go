package nettest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
)

// HiddenStates gives what each layer of a stack puts out. The stack is cut into
// networks of one layer with its weights. One with the outputs of its directions
// side by side gives what HiddenStates has to be; one that merges them as the stack
// does gives the input of the layer above.
func hiddenStates(t *testing.T, k Kind) {
	const T, B = 7, 4
	for _, cfg := range []Config{
		{Input: 3, Hidden: 4, Layers: 3},
		{Input: 3, Hidden: 5, Layers: 2, Reverse: true},
		{Input: 2, Hidden: 4, Layers: 3, Bidirectional: true},
		{Input: 2, Hidden: 4, Layers: 2, Bidirectional: true, Merge: 1},
		{Input: 2, Hidden: 4, Layers: 2, Bidirectional: true, Merge: 3},
	} {
		for _, ragged := range []bool{false, true} {
			for _, batchFirst := range []bool{false, true} {
				p := newProblem(t, k, 23, cfg, T, B, ragged)
				if ragged {
					p.lengths = []int{2, T, 0, 5}
				}
				p.evaluate = true
				t.Run(fmt.Sprintf("%v,batch first=%v", p, batchFirst), func(t *testing.T) { p.cutIntoLayers(t, batchFirst) })
			}
		}
	}
	// In training the masks of a layer depend on its place. Those of layer 0 are the
	// same in a network of one layer, and the masks of layer 1 must not show.
	if k.Noise != (Noise{}) {
		p := newProblem(t, k, 23, Config{Input: 3, Hidden: 4, Layers: 2}, T, B, true)
		t.Run("training", func(t *testing.T) { p.cutIntoLayers(t, false) })
	}
}

// cutIntoLayers compares the HiddenStates of the problem's layers with the outputs
// of networks of one layer: of all layers in evaluation, of layer 0 in training.
func (p *problem) cutIntoLayers(t *testing.T, batchFirst bool) {
	dirs, width := p.dirs(), p.width(0)
	stack := p.net.Unroll(p.T, p.B)
	stack.SetBatchFirst(batchFirst)
	check(t, stack.SetLengths(p.lengths))
	p.start(t, stack)
	y, got, again := filled(p.T*p.B*p.out()), filled(p.T*p.B*dirs*width), filled(p.T*p.B*dirs*width)
	stack.Forward(y, p.x)

	x := p.x
	for layer := range p.cfg.Layers {
		if layer == 1 && !p.evaluate {
			return
		}
		stack.HiddenStates(layer, got)
		numtest.Equal(t, got, p.layerAlone(t, layer, 0, batchFirst, x), "layer %d", layer)
		x = p.layerAlone(t, layer, p.cfg.Merge, batchFirst, x)
	}
	numtest.Equal(t, x, y, "outputs of the last layer")
	if p.cfg.Merge == 0 {
		numtest.Equal(t, got, y, "HiddenStates of the last layer")
	}
	stack.Backward(nil, p.dy)
	stack.HiddenStates(p.cfg.Layers-1, again)
	numtest.Equal(t, again, got, "after Backward")
}

// layerAlone returns the outputs for x of a network of one layer, with the weights
// and the state of a layer of the problem.
func (p *problem) layerAlone(t *testing.T, layer, merge int, batchFirst bool, x []float32) []float32 {
	t.Helper()
	cfg := p.cfg
	cfg.Layers, cfg.Merge = 1, merge
	if layer > 0 {
		cfg.Input = p.out()
	}
	alone := &problem{kind: p.kind, cfg: cfg, T: p.T, B: p.B, evaluate: p.evaluate, seed: p.seed, ids: p.ids}
	net, err := p.kind.New(cfg, nil)
	check(t, err)
	weights := map[string][]float32{}
	p.net.EachParam(func(name string, w []float32, _ ...int) { weights[name] = w })
	net.EachParam(func(name string, w []float32, _ ...int) {
		from := weights[strings.Replace(name, "_l0", "_l"+strconv.Itoa(layer), 1)]
		if len(from) != len(w) {
			t.Fatalf("%s has %d elements, that of layer %d has %d", name, len(w), layer, len(from))
		}
		copy(w, from)
	})
	for k, s := range p.state {
		n := p.dirs() * p.B * p.width(k)
		alone.state = append(alone.state, s[layer*n:(layer+1)*n])
	}
	u := net.Infer(p.T, p.B)
	u.SetBatchFirst(batchFirst)
	check(t, u.SetLengths(p.lengths))
	alone.start(t, u)
	y := filled(p.T * p.B * alone.out())
	u.Forward(y, x)
	return y
}

// HiddenStates without a Forward whose lengths and layout still hold, of a layer
// that is not there, of a wrong length, or after Infer panics before it writes.
func hiddenStatesMisuse(t *testing.T, k Kind) {
	p := newProblem(t, k, 29, Config{Input: 2, Hidden: 3, Layers: 2}, 4, 3, false)
	u, infer := p.net.Unroll(4, 3), p.net.Infer(4, 3)
	y, h := make([]float32, len(p.dy)), filled(4*3*p.width(0))
	panics := func(want string, u Unrolled, layer int, h []float32) {
		t.Helper()
		defer func() {
			t.Helper()
			if message := fmt.Sprint(recover()); !strings.HasPrefix(message, k.Package+": HiddenStates ") || !strings.Contains(message, want) {
				t.Errorf("the panic says %q, want HiddenStates and %q", message, want)
			}
			numtest.Equal(t, h, filled(len(h)), "what a refused call wrote")
		}()
		u.HiddenStates(layer, h)
	}
	panics("without a Forward before it", u, 0, h)
	u.Forward(y, p.x)
	panics("of layer 2 in a network of 2", u, 2, h)
	panics("of layer -1 in a network of 2", u, -1, h)
	panics(fmt.Sprintf("into %d elements, want %d", len(h)-1, len(h)), u, 1, h[1:])
	u.SetBatchFirst(true)
	panics("SetBatchFirst", u, 0, h)
	u.Forward(y, p.x)
	check(t, u.SetLengths(nil))
	panics("SetLengths", u, 0, h)
	infer.Forward(y, p.x)
	panics("Unroll", infer, 0, h)
	u.Forward(nil, nil)
	u.HiddenStates(1, nil) // no steps, no h
}
