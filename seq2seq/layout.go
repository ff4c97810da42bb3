package seq2seq

import (
	"errors"
	"fmt"

	"github.com/simdrnn/simdrnn/internal/rowstate"
)

type block = rowstate.Block

// layout returns the shapes of the tensors of n's state. Afterwards the state is that of a
// Reset.
func layout(what string, n rowstate.Net, rows int) ([]block, error) {
	shapes, err := rowstate.Find(n, rows)
	if err != nil {
		return nil, fmt.Errorf("seq2seq: the %s: %w", what, err)
	}
	return shapes, nil
}

// size returns how many numbers of one row the tensors have.
func size(shapes []block) (n int) {
	for _, b := range shapes {
		n += b.Size()
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
		for i := range b.Count {
			for r := range rows {
				row, part := flat[r*all+at:][:b.Width], b.Part(s[k], rows, i, r)
				if back {
					row, part = part, row
				}
				copy(row, part)
			}
			at += b.Width
		}
	}
}

// spread sets dst, of shapes for len(of) rows, so that row i is row of[i] of src, of the
// same shapes for rows rows.
func spread(dst, src [][]float32, shapes []block, rows int, of []int) {
	for k, b := range shapes {
		for i := range b.Count {
			for r, from := range of {
				copy(b.Part(dst[k], len(of), i, r), b.Part(src[k], rows, i, from))
			}
		}
	}
}

// tensors makes tensors of shapes for that many rows.
func tensors(shapes []block, rows int) [][]float32 {
	s := make([][]float32, len(shapes))
	for k, b := range shapes {
		s[k] = make([]float32, b.Size()*rows)
	}
	return s
}

var errNoState = errors.New("seq2seq: a bridge between an encoder and a decoder of which one has no state")

// clearPadding sets the elements of y [T][batch][width] past the ends of rows to +0.
func clearPadding(y []float32, lengths []int, batch, width int) {
	steps := 0
	if batch > 0 {
		steps = len(y) / batch / width
	}
	for b, n := range lengths {
		for t := n; t < steps; t++ {
			clear(y[(t*batch+b)*width:][:width])
		}
	}
}
