// Package rowstate finds where the state of a net has the elements of each row. Net and
// Predictor consist of built-in types and do not say it, but it shows.
package rowstate

import "fmt"

// A Net is what a net and a predictor have in common.
type Net interface {
	State() [][]float32
	SetState(s [][]float32) error
	Reset(rows ...int)
}

// A Block is the shape of one tensor of a state, [Count][rows][Width]: for each layer and
// direction, and for each row, so many numbers.
type Block struct{ Count, Width int }

// Size returns how many numbers of one row the tensor has.
func (b Block) Size() int { return b.Count * b.Width }

// Part returns run i, below Count, of the numbers of row r in tensor t of so many rows.
func (b Block) Part(t []float32, rows, i, r int) []float32 {
	return t[(i*rows+r)*b.Width:][:b.Width]
}

// Put copies v, which has Size numbers, to row r of t.
func (b Block) Put(t []float32, rows, r int, v []float32) {
	for i := range b.Count {
		copy(b.Part(t, rows, i, r), v[i*b.Width:])
	}
}

// Find returns the shapes of the tensors of n's state, of so many rows, at least 1. With one
// row every element is of row 0, and Count is 1. Afterwards all rows of n are reset. It
// returns an error, which does not name n, if a tensor has another shape, or if Reset of a
// row does not reset that row alone.
//
// An element is of a row that Reset is given if it is then the same, whatever it was
// before: a state of ones and one of zeros are tried. So a row may begin with any state.
func Find(n Net, rows int) ([]Block, error) {
	defer n.Reset()
	first, err := resets(n, 0)
	if err != nil {
		return nil, err
	}
	var shapes []Block
	for k, reset := range first {
		width := 0
		for width < len(reset) && reset[width] {
			width++
		}
		if width == 0 || len(reset)%(width*rows) != 0 {
			return nil, fmt.Errorf("tensor %d of the state has %d elements, of which Reset(0) resets %d at the begin; want [layers][%d rows][width]", k, len(reset), width, rows)
		}
		for i, is := range reset {
			if r := i / width % rows; is != (r == 0) {
				return nil, fmt.Errorf("tensor %d of the state is not [layers][%d rows][%d]: that Reset(0) sets element %d is %v, and it would be of row %d", k, rows, width, i, is, r)
			}
		}
		shapes = append(shapes, Block{len(reset) / (width * rows), width})
	}
	if rows == 1 {
		return shapes, nil
	}
	others := make([]int, rows-1)
	for i := range others {
		others[i] = i + 1
	}
	rest, err := resets(n, others...)
	if err != nil {
		return nil, err
	}
	for k, reset := range rest {
		for i, is := range reset {
			if r := i / shapes[k].Width % rows; is != (r > 0) {
				return nil, fmt.Errorf("tensor %d of the state is not [layers][%d rows][%d]: that Reset of all rows but row 0 sets element %d is %v, and it would be of row %d", k, rows, shapes[k].Width, i, is, r)
			}
		}
	}
	return shapes, nil
}

// resets says which elements of the state Reset of the given rows sets.
func resets(n Net, rows ...int) ([][]bool, error) {
	var after [2][][]float32
	for v := range after {
		s := n.State()
		for _, t := range s {
			for i := range t {
				t[i] = float32(v)
			}
		}
		if err := n.SetState(s); err != nil {
			return nil, err
		}
		n.Reset(rows...)
		after[v] = n.State()
	}
	set := make([][]bool, len(after[0]))
	for k, zeros := range after[0] {
		set[k] = make([]bool, len(zeros))
		for i := range zeros {
			set[k][i] = zeros[i] == after[1][k][i]
		}
	}
	return set, nil
}
