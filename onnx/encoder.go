package onnx

import (
	"fmt"
	"slices"
)

// rootOf returns the root that is an input of the graph, nil if none reads it as data yet.
func (im *importer) rootOf(p *Port) *root {
	i := slices.IndexFunc(im.roots, func(r *root) bool { return r.port == p })
	if i < 0 {
		return nil
	}
	return im.roots[i]
}

// begins returns the final states that an operator begins with, one for each direction.
func (v *view) begins(r *recurrent, name string, perm []int) ([]state, error) {
	axis, rows := v.dims[perm[0]], v.dims[perm[1]]
	whole := len(axis) == 0 && len(v.list) == 1 || len(axis) == 1 && axis[0] == states(len(v.list))
	f := normal(v.features())
	if r.hidden > 1 && (len(f) != 1 || f[0] != feature(r.hidden, 1)) || r.hidden == 1 && len(f) > 0 || len(v.dims[2]) != len(f) || v.off != 0 || v.list[0].of.hidden != r.hidden {
		return nil, refuse("its %s is made of final states of %d units, want all %d that it has, in their order", name, v.list[0].of.hidden, r.hidden)
	}
	if !whole || len(v.list) != r.directions || len(rows) > 1 || len(rows) == 1 && rows[0].kind != ofSequence {
		return nil, refuse("its %s is %d final states, or in other axes than [%d][batch][%d]", name, len(v.list), r.directions, r.hidden)
	}
	return v.list, nil
}

// A beginPlan says which state of an encoder is the first of a layer of the decoder.
type beginPlan struct {
	from, to place
	width    int
}

// encoder makes the network whose final states begin layers of the chain of b, nil if none
// does.
func (b *builder) encoder(sizes []string) (*Network, []beginPlan, error) {
	var last, of *recurrent // the encoder's last layer, and the layer that begins with its state
	each := func(f func(r *recurrent, k, d int, s state) error) error {
		for _, r := range b.recs {
			for k, i := range []initial{r.h, r.c} {
				for d, s := range i.states {
					if err := f(r, k, d, s); err != nil {
						return err
					}
				}
			}
		}
		return nil
	}
	_ = each(func(r *recurrent, _, _ int, s state) error {
		if last == nil || s.of.node.depth > last.node.depth {
			last, of = s.of, r
		}
		return nil
	})
	if last == nil {
		return nil, nil, nil
	}
	n := &Network{sizes: sizes, LastStep: true}
	e := &builder{im: b.im, used: map[*node]bool{}, places: map[*recurrent]*[2][2]place{}, spent: b.spent}
	if err := e.chain(n, last.node); err != nil {
		return nil, nil, err
	}
	var plans []beginPlan
	err := each(func(r *recurrent, k, d int, s state) error {
		from := e.places[s.of]
		if from == nil {
			return &NodeError{Node: r.name, Op: r.kind, Reason: fmt.Sprintf("it and %q begin with the states of two encoders, of the layers %q and %q, neither of which comes before the other; a network here has one encoder: export each with an output for its state, and the layers after them with inputs for the states", of.name, s.of.name, last.name)}
		}
		cell := 0
		if s.cell {
			cell = 1
		}
		plans = append(plans, beginPlan{from[cell][s.direction], b.places[r][k][d], r.hidden})
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return n, plans, b.im.plan(n, e)
}

// Begin sets the states that rows of a chain of Stages begin with from those that a chain of
// Encoder.Stages ends with: decoder and encoder are what their State returns, for so many rows.
// What begins with no state of the encoder stays as it is; SetState of the decoder's chain
// takes the result. It returns an error, and changes nothing, if there is no Encoder, or if a
// state has other sizes than that of such a chain.
func (n *Network) Begin(decoder, encoder [][]float32, rows int) error {
	if n.Encoder == nil {
		return fmt.Errorf("onnx: Begin of a network without an Encoder: no layer of it begins with the state of another one")
	}
	if len(decoder) != n.tensors || len(encoder) != n.Encoder.tensors || rows < 1 {
		return fmt.Errorf("onnx: Begin with states of %d and %d tensors for %d rows, want %d of the decoder and %d of the encoder, and at least 1 row", len(decoder), len(encoder), rows, n.tensors, n.Encoder.tensors)
	}
	for _, b := range n.begins {
		for _, s := range []struct {
			name string
			of   [][]float32
			at   place
		}{{"encoder", encoder, b.from}, {"decoder", decoder, b.to}} {
			if have, least := len(s.of[s.at.tensor]), (s.at.row+1)*rows*b.width; have < least || have%(rows*b.width) != 0 {
				return fmt.Errorf("onnx: Begin with a state of the %s whose tensor %d has %d elements, want a multiple of %d rows of %d units, at least %d", s.name, s.at.tensor, have, rows, b.width, least)
			}
		}
	}
	for _, b := range n.begins {
		size := rows * b.width
		copy(decoder[b.to.tensor][b.to.row*size:][:size], encoder[b.from.tensor][b.from.row*size:][:size])
	}
	return nil
}
