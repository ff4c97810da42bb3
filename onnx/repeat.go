package onnx

import "slices"

// repeated is one step of a layer, as often along axis as the sequence that it comes from has steps:
// what the decoder of an autoencoder reads. Keras' RepeatVector is such, and repeat and expand of
// PyTorch.
func (im *importer) repeated(v *view, axis int, times sym) (*view, error) {
	v, err := im.vectors(v)
	if err != nil {
		return nil, err
	}
	if n, ok := times.value(); v.is("weights") && ok && n <= 1<<31-1 && len(v.dims[axis]) == 0 {
		// For each unit of the steps: RepeatVector and Permute of Keras, expand_as of PyTorch.
		dims := slices.Clone(v.dims)
		dims[axis] = []atom{feature(int(n), 0)}
		return v.like(dims), nil
	}
	if !v.step.one() || len(v.dims[axis]) > 0 {
		return nil, refuse("%v repetitions along axis %d of what a layer gives; one step of it can be repeated along an axis of size 1, which is time then", times, axis)
	}
	root := v.node.root
	var time atom
	for _, d := range im.values[root.port.Name].v.dims {
		for _, a := range d {
			if a.kind == ofSequence && a.axis < len(root.roles) && root.roles[a.axis] == timeRole {
				time = a
			}
		}
	}
	if time.size != times {
		return nil, refuse("%v repetitions of one step of a sequence of %v steps; want as many, since a chain has the same steps everywhere", times, time.size)
	}
	if v.step.rows != (lengthsOf{}) {
		return nil, refuse("it repeats the last step of each row, which is looked up by lengths; take the final state of a layer with sequence_lens, Y_h, which is the same")
	}
	if v.step.kind == ofTensor {
		for n := v.node; n != nil; n = n.parent {
			if n.rec != nil && n.rec.unequal() {
				return nil, refuse("it repeats the last step of the tensor, and rows have lengths of their own (sequence_lens), after which there is padding; take the final state of the layer, Y_h, which is that of the last step of each row")
			}
		}
	}
	in, err := im.input(v)
	if err != nil {
		return nil, err
	}
	if err := im.spend(in.width); err != nil {
		return nil, err
	}
	last := whole(in.width)
	last.Last = true
	out := *v
	out.off, out.step, out.flip = 0, allSteps, false
	out.node = newNode(in, in.width, im.at)
	out.node.stage = last
	dims := rebased(v.dims, ofFeature)
	dims = slices.Clone(dims)
	dims[axis] = []atom{time}
	return out.like(dims), nil
}
