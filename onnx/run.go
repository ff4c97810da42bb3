package onnx

import (
	"fmt"
	"math"
	"slices"

	"github.com/simdrnn/simdrnn/nn"
)

// Run computes the outputs of the graph from its inputs, each by its name and with the axes
// that the file has. States that are left out are those that the file has, or zero. An input of
// lengths that is left out is all steps; lengths that are not an input, those that the file says
// or that MaskZero counts, hold always. It makes a chain for inference at each call, so it is for
// few calls; see Stages for many. Several goroutines may call it at the same time.
//
// Past the end of a row outputs of all steps are 0. ONNX has 0 there for recurrent layers alone:
// behind a Linear it has the bias, behind a Sigmoid a half.
//
// It returns an error for inputs that are missing, unknown or of another shape or type than
// the graph says, for lengths beyond the steps, for a row of no steps where an output is computed
// from the last step of each (a final state that is an output itself is then the state that the
// row begins with), and, where MaskZero counts ids that are floats, for one that is no whole number.
// The error for an id that is not in the vocabulary is a *data.IDError.
func (n *Network) Run(inputs map[string]Tensor) (map[string]Tensor, error) {
	for name := range inputs {
		if !slices.ContainsFunc(n.Inputs, func(p Port) bool { return p.Name == name }) {
			return nil, fmt.Errorf("onnx: Run with the input %q, which the network does not have", cut(name))
		}
	}
	for _, p := range n.Inputs {
		t, ok := inputs[p.Name]
		switch {
		case ok:
			if err := p.check(t); err != nil {
				return nil, err
			}
		case p.Use == Data || p.Use == SourceOf:
			return nil, fmt.Errorf("onnx: Run without the input %q", p.Name)
		}
	}
	r, err := n.run(inputs)
	if err != nil {
		return nil, err
	}
	out := map[string]Tensor{}
	for _, o := range n.outputs {
		out[o.name] = r.output(o.view)
	}
	return out, nil
}

// run computes outputs and states, its encoder's first.
func (n *Network) run(inputs map[string]Tensor) (*run, error) {
	r := &run{Network: n, steps: 1, batch: 1}
	if n.Encoder != nil {
		var err error
		if r.encoder, err = n.Encoder.run(inputs); err != nil {
			return nil, err
		}
	}
	in := inputs[n.data.Name]
	for axis, is := range n.roles {
		if axis >= len(in.Shape) || axis == len(in.Shape)-1 && !n.data.ids() {
			continue
		}
		if is == timeRole {
			r.steps = in.Shape[axis]
		} else {
			r.batch = in.Shape[axis]
		}
	}
	if r.batch < 1 || r.steps < 0 {
		return nil, fmt.Errorf("onnx: Run of %d rows, want at least 1", r.batch)
	}
	model, err := nn.Infer(r.steps, r.batch, n.Stages...)
	if err != nil {
		return nil, err
	}
	if r.state = model.State(); len(r.state) != n.tensors {
		return nil, fmt.Errorf("onnx: the chain has %d state tensors, its file %d: Stages has been changed; put the stages into a chain of your own", len(r.state), n.tensors)
	}
	if r.encoder != nil {
		if r.encoder.batch != r.batch {
			return nil, fmt.Errorf("onnx: Run with %d rows of %q and %d of %q, want as many", r.encoder.batch, n.Encoder.data.Name, r.batch, n.data.Name)
		}
		if err := n.Begin(r.state, r.encoder.state, r.batch); err != nil {
			return nil, err
		}
	}
	if err := r.begin(inputs); err != nil {
		return nil, err
	}
	if err := model.SetState(r.state); err != nil {
		return nil, err
	}
	var ids []int32
	if n.data.ids() {
		if ids, err = r.ids(in); err != nil {
			return nil, err
		}
	}
	if err := r.rows(inputs, ids); err != nil {
		return nil, err
	}
	if err := r.lastSteps(); err != nil {
		return nil, err
	}
	_, _, _, r.width = model.Dims()
	r.y = make([]float32, r.steps*r.batch*r.width)
	if n.data.ids() {
		err = model.ForwardIDsLengths(r.y, ids, r.lengths)
	} else {
		err = model.ForwardLengths(r.y, r.vectors(in), r.lengths)
	}
	if err != nil {
		return nil, err
	}
	r.state = model.State()
	return r, nil
}

// check returns an error if t is no value of p.
func (p Port) check(t Tensor) error {
	n := 1
	for i, size := range t.Shape {
		if size < 0 || len(t.Shape) != len(p.Shape) || p.fixed[i] != 0 && p.fixed[i] != size || size > 0 && n > math.MaxInt32/size {
			return fmt.Errorf("onnx: the input %q has the shape %v, want %v", p.Name, t.Shape, p.Shape)
		}
		n *= size
	}
	have, other := len(t.Floats), len(t.Integers)
	if p.Integers {
		have, other = other, have
	}
	if len(t.Shape) != len(p.Shape) || have != n || other != 0 {
		return fmt.Errorf("onnx: the input %q has the shape %v, %d floats and %d integers, want %v, integers: %v", p.Name, t.Shape, len(t.Floats), len(t.Integers), p.Shape, p.Integers)
	}
	return nil
}

// A run is one call of Run.
type run struct {
	*Network
	encoder             *run // nil without one
	steps, batch, width int
	lengths             []int
	state               [][]float32
	y                   []float32
}

// at returns the place of step t of row b in a tensor whose first axes are those of the
// data.
func (r *run) at(shape []int, t, b int) int {
	first := 0
	for axis := range min(2, len(shape)) {
		first *= shape[axis]
		switch {
		case shape[axis] == 1: // of size 1 whatever it counts
		case r.roles[axis] == timeRole:
			first += t
		default:
			first += b
		}
	}
	return first
}

// ids are the data as ids. A graph that counts those that are not 0 may do that before or after
// it cuts floats off, which is the same for whole numbers alone.
func (r *run) ids(in Tensor) ([]int32, error) {
	out := make([]int32, r.steps*r.batch)
	for p := range out {
		at := r.at(in.Shape, p/r.batch, p%r.batch)
		out[p] = -1 // no id of any vocabulary
		if !r.data.cast {
			if id := in.Integers[at]; id >= 0 && id <= math.MaxInt32 {
				out[p] = int32(id)
			}
			continue
		}
		x := math.Trunc(float64(in.Floats[at]))
		if r.MaskZero && x != float64(in.Floats[at]) {
			return nil, fmt.Errorf("onnx: the input %q has the id %v at step %d of row %d, want whole numbers: those that are not 0 are the steps of the row", r.data.Name, in.Floats[at], p/r.batch, p%r.batch)
		}
		if in.Floats[at] >= 0 && x <= math.MaxInt32 { // what is below 0 is not cut off to 0: a graph may add to it before
			out[p] = int32(x)
		}
	}
	return out, nil
}

func (r *run) vectors(in Tensor) []float32 {
	axes := min(2, len(in.Shape)-1)
	rows := r.steps * r.batch
	out := make([]float32, 0, len(in.Floats))
	width := len(in.Floats) / max(1, rows)
	for p := range rows {
		at := r.at(in.Shape[:axes], p/r.batch, p%r.batch) * width
		out = append(out, in.Floats[at:at+width]...)
	}
	return out
}

// begin sets the states that inputs give.
func (r *run) begin(inputs map[string]Tensor) error {
	for _, s := range r.states {
		t, ok := inputs[s.from.port.Name]
		if !ok {
			continue
		}
		stride := func(axis int) int {
			if axis < 0 {
				return 0
			}
			n := 1
			for _, size := range t.Shape[axis+1:] {
				n *= size
			}
			return n
		}
		if s.batch >= 0 && t.Shape[s.batch] != r.batch || s.batch < 0 && r.batch != 1 {
			return fmt.Errorf("onnx: the input %q has the shape %v, want one state for each of %d rows", s.from.port.Name, t.Shape, r.batch)
		}
		first := s.from.first*stride(0) + s.off
		if len(t.Shape) > 1 {
			first += s.from.second * stride(1)
		}
		for d, p := range s.places {
			for b := range r.batch {
				from := first + d*stride(s.rows) + b*stride(s.batch)
				to := r.state[p.tensor][(p.row*r.batch+b)*s.width:][:s.width]
				for i := range to {
					to[i] = t.Floats[from+i*s.unit]
				}
			}
		}
	}
	return nil
}

// rows sets the lengths, of the data's ids if they are such.
func (r *run) rows(inputs map[string]Tensor, ids []int32) error {
	if r.Lengths != nil {
		r.lengths = slices.Clone(r.Lengths)
	}
	if r.MaskZero {
		r.lengths = make([]int, r.batch)
		for p, id := range ids {
			if id != 0 {
				r.lengths[p%r.batch]++
			}
		}
	}
	t, ok := inputs[r.Network.lengths]
	if r.Network.lengths == "" || !ok {
		return nil
	}
	for b, n := range t.Integers {
		if n < 0 || n > int64(r.steps) {
			return fmt.Errorf("onnx: %q has %d for row %d, want 0 to %d steps", r.Network.lengths, n, b, r.steps)
		}
		r.lengths = append(r.lengths, int(n))
	}
	return nil
}

// lastSteps returns an error for a row that has no last step, where an output is computed from it:
// ONNX has what the stages give of the state that the row begins with, which a chain does not
// compute.
func (r *run) lastSteps() error {
	for _, o := range r.outputs {
		if o.view.list != nil || o.view.step == allSteps {
			continue
		}
		if w := o.view.step.of; w != (Window{}) {
			if _, _, ok := w.of(r.steps); !ok {
				return fmt.Errorf("onnx: Run with %d steps, and the output %q has the steps %v of them: give sequences of more steps", r.steps, o.name, w)
			}
			continue
		}
		for b := range r.batch {
			if r.steps == 0 || b < len(r.lengths) && r.lengths[b] == 0 {
				return fmt.Errorf("onnx: Run with row %d of no steps, and the output %q is computed from the last step of each row, or from all of them: give rows of at least 1 step", b, o.name)
			}
		}
	}
	return nil
}

// output puts an output into the axes that the file has for it.
func (r *run) output(v *view) Tensor {
	// States have rows of the batch alone, by the axis that an encoder's input has for them.
	isTime := func(a atom) bool { return v.list == nil && r.roles[a.axis] == timeRole }
	size := func(a atom) int {
		if a.kind == ofSequence {
			if isTime(a) {
				from, to, _ := v.step.of.of(r.steps)
				return to - from
			}
			return r.batch
		}
		n, _ := a.size.value()
		return int(n)
	}
	out := Tensor{}
	var atoms []atom
	var sizes []int
	total := 1
	for _, d := range v.dims {
		n := 1
		for _, a := range d {
			atoms, sizes = append(atoms, a), append(sizes, size(a))
			n *= size(a)
		}
		out.Shape = append(out.Shape, n)
		total *= n
	}
	out.Floats = make([]float32, total)
	index := make([]int, len(atoms))
	for i := range out.Floats {
		var t, b, unit, entry int
		unit = v.off
		for k, a := range atoms {
			switch {
			case a.kind == ofFeature:
				unit += index[k] * a.stride
			case a.kind == ofState:
				entry += index[k] * a.stride
			case isTime(a):
				t = index[k]
			default:
				b = index[k]
			}
		}
		out.Floats[i] = r.element(v, t, b, unit, entry)
		for k := len(index) - 1; k >= 0; k-- {
			if index[k]++; index[k] < sizes[k] {
				break
			}
			index[k] = 0
		}
	}
	return out
}

func (r *run) element(v *view, t, b, unit, entry int) float32 {
	if v.list != nil {
		s := v.list[entry]
		cell := 0
		if s.cell {
			cell = 1
		}
		for r.places[s.of] == nil {
			r = r.encoder
		}
		p := r.places[s.of][cell][s.direction]
		return r.state[p.tensor][(p.row*r.batch+b)*s.of.hidden+unit]
	}
	if v.flip {
		t = r.steps - 1 - t
	}
	if from, _, _ := v.step.of.of(r.steps); from > 0 {
		t += from
	}
	if v.step.one() {
		if t = r.steps - 1; r.lengths != nil && v.step.kind == ofRow {
			t = r.lengths[b] - 1
		}
	}
	return r.y[(t*r.batch+b)*r.width+unit]
}
