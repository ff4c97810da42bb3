package seq

// memory holds what the steps of a pass write and later ones read.
type memory struct {
	// h are the time blocks of h, and a row of zeros after them. With keep each layer has
	// its own; otherwise there are two that take turns, for a layer's output and for its
	// input.
	h [][]float32
	// merged are the merged outputs, [T][B][Out], of as many layers; nil where
	// the outputs of directions stand side by side.
	merged [][]float32
	// others[i][k-1] is state tensor k of direction i; without keep all
	// directions of all layers share two time blocks.
	others [][][]float32
	// tape[i] is the tape of direction i; without keep all share one of chunk
	// steps.
	tape [][]float32

	// inRows are the rows of the input of one block of work as the products of Forward read
	// them, where a layer's input is not what the layer below left (see copiesInput), and after
	// the input's masks those of the weight gradients too.
	inRows []float32
	// between are gradients between two layers, [T][B][Out], nil without any.
	between []float32
}

// newMemory makes the memory of passes over up to steps steps, in blocks of chunk
// steps, by the given function.
func (n *Net) newMemory(steps, chunk, batch int, keep bool, floats func(n int) []float32) memory {
	in := n.Input
	if n.Noise.Dropout > 0 || n.Noise.Input > 0 {
		in = n.widest()
	}
	m := memory{inRows: floats(chunk * batch * in)}
	layers, blocks, tape := n.Layers, steps+2, steps
	if !keep {
		layers, blocks, tape = min(2, n.Layers), 2, chunk
	}
	for range layers {
		m.h = append(m.h, floats(((steps+2)*batch+1)*n.wide()))
		if n.merging() {
			m.merged = append(m.merged, floats(steps*batch*n.Out()))
		}
	}
	for i := range n.W {
		if !keep && i > 0 {
			m.others, m.tape = append(m.others, m.others[0]), append(m.tape, m.tape[0])
			continue
		}
		var others [][]float32
		for _, width := range n.Shape.States[1:] {
			others = append(others, floats(blocks*batch*width))
		}
		m.others = append(m.others, others)
		m.tape = append(m.tape, floats(tape*batch*n.Shape.Tape))
	}
	if keep && n.Layers > 1 {
		m.between = floats(steps * batch * n.Out())
	}
	return m
}

// timeBlock points m at state tensor k of direction i, time block tau, from
// place p of the batch on.
func (u *Unrolled) timeBlock(m *Mat, k, i, tau, p int) {
	width := u.net.Shape.States[k]
	m.Width = width
	if k == 0 {
		dirs := len(u.net.Reverse)
		h := u.memory.h[(i/dirs)%len(u.memory.h)]
		if u.output.inPlace && i/dirs == u.net.Layers-1 && 0 < tau && tau <= u.rows.t {
			h, tau = u.output.y, tau-1
		}
		m.Stride = dirs * width
		m.Data = h[(tau*u.batch+p)*m.Stride+i%dirs*width:]
		return
	}
	if !u.keep {
		tau &= 1
	}
	m.Stride = width
	m.Data = u.memory.others[i][k-1][(tau*u.batch+p)*width:]
}

// outputs is the output of a layer, [T][B][Out].
func (u *Unrolled) outputs(layer int) []float32 {
	if merged := u.memory.merged; merged != nil {
		return merged[layer%len(merged)]
	}
	return u.memory.h[layer%len(u.memory.h)][u.batch*u.out:]
}

// input is the input of a layer and the width of its rows.
func (u *Unrolled) input(layer int) ([]float32, int) {
	if layer == 0 {
		return u.last.x, u.net.Input
	}
	return u.outputs(layer - 1), u.out
}

// previous is the distance in time blocks from a step to the one that the
// direction visits before it.
func (u *Unrolled) previous(dir int) int {
	if u.net.Reverse[dir] {
		return 1
	}
	return -1
}

// zeroRow is the row of the time blocks of h that holds zeros.
func (u *Unrolled) zeroRow() int { return (u.segment + 2) * u.batch }

// tapeRow is the row of a tape that belongs to place 0 of the batch at step t.
func (u *Unrolled) tapeRow(t int) int {
	if !u.keep {
		t -= u.job.lo
	}
	return t * u.batch
}
