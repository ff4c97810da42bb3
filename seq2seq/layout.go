package seq2seq

import (
	"errors"
	"fmt"
)

// A block is the shape of one tensor of a state, [count][rows][width]: for each layer
// and direction, and for each row, so many numbers.
type block struct{ count, width int }

// stateful is what a Net and a Predictor have in common.
type stateful interface {
	State() [][]float32
	SetState(s [][]float32) error
	Reset(rows ...int)
}

// layout returns the shapes of the tensors of n's state. An interface of built-in types
// does not say them, but they show: in a state of ones, Reset of row 0 makes the elements
// of that row zero. With one row every element is of row 0, and count is 1. Afterwards the
// state is zero.
func layout(what string, n stateful, rows int) (shapes []block, err error) {
	s := n.State()
	for _, v := range s {
		for i := range v {
			v[i] = 1
		}
	}
	if err := n.SetState(s); err != nil {
		return nil, fmt.Errorf("seq2seq: the state of the %s: %w", what, err)
	}
	defer n.Reset()
	n.Reset(0)
	for k, v := range n.State() {
		width := 0
		for width < len(v) && v[width] == 0 {
			width++
		}
		if width == 0 || len(v)%(width*rows) != 0 {
			return nil, fmt.Errorf("seq2seq: tensor %d of the state of the %s has %d elements, of which Reset(0) zeroes %d at the begin; want [layers][%d rows][width]", k, what, len(v), width, rows)
		}
		for i, e := range v {
			if zero := i/width%rows == 0; zero != (e == 0) {
				return nil, fmt.Errorf("seq2seq: tensor %d of the state of the %s is not [layers][%d rows][%d]: Reset(0) leaves %v at %d", k, what, rows, width, e, i)
			}
		}
		shapes = append(shapes, block{len(v) / (width * rows), width})
	}
	return shapes, nil
}

// size returns how many numbers of one row the tensors have.
func size(shapes []block) (n int) {
	for _, b := range shapes {
		n += b.count * b.width
	}
	return n
}

// gather sets dst [rows][size] to the tensors of s, row by row. scatter is the reverse.
func gather(dst []float32, s [][]float32, shapes []block, rows int) {
	move(dst, s, shapes, rows, false)
}
func scatter(s [][]float32, src []float32, shapes []block, rows int) {
	move(src, s, shapes, rows, true)
}

func move(flat []float32, s [][]float32, shapes []block, rows int, back bool) {
	all, at := size(shapes), 0
	for k, b := range shapes {
		for i := range b.count {
			for r := range rows {
				row, part := flat[r*all+at:][:b.width], s[k][(i*rows+r)*b.width:][:b.width]
				if back {
					row, part = part, row
				}
				copy(row, part)
			}
			at += b.width
		}
	}
}

// spread sets dst, of shapes for len(of) rows, so that row i is row of[i] of src, of the
// same shapes for rows rows.
func spread(dst, src [][]float32, shapes []block, rows int, of []int) {
	for k, b := range shapes {
		for i := range b.count {
			for r, from := range of {
				copy(dst[k][(i*len(of)+r)*b.width:][:b.width], src[k][(i*rows+from)*b.width:])
			}
		}
	}
}

// tensors makes tensors of shapes for that many rows.
func tensors(shapes []block, rows int) [][]float32 {
	s := make([][]float32, len(shapes))
	for k, b := range shapes {
		s[k] = make([]float32, b.count*rows*b.width)
	}
	return s
}

var errNoState = errors.New("seq2seq: a bridge between an encoder and a decoder of which one has no state")
