package rowstate

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// net has a state of two tensors: [2][3][2], which begins with numbers of its own, and
// [3][1].
type net struct {
	state  [][]float32
	refuse bool
	reset  func(n *net, r int)
}

func newNet() *net {
	return &net{state: [][]float32{make([]float32, 12), make([]float32, 3)}, reset: (*net).begin}
}

func (n *net) begin(r int) {
	copy(Block{2, 2}.Part(n.state[0], 3, 0, r), []float32{5, 0})
	copy(Block{2, 2}.Part(n.state[0], 3, 1, r), []float32{1, 7})
	n.state[1][r] = 1
}

func (n *net) State() (s [][]float32) {
	for _, t := range n.state {
		s = append(s, slices.Clone(t))
	}
	return s
}

func (n *net) SetState(s [][]float32) error {
	if n.refuse {
		return errors.New("refused")
	}
	for k, t := range s {
		copy(n.state[k], t)
	}
	return nil
}

func (n *net) Reset(rows ...int) {
	if len(rows) == 0 {
		rows = []int{0, 1, 2}
	}
	for _, r := range rows {
		n.reset(n, r)
	}
}

func TestFind(t *testing.T) {
	n := newNet()
	got, err := Find(n, 3)
	require.NoError(t, err)
	require.Equal(t, []Block{{2, 2}, {1, 1}}, got)
	begun := []float32{5, 0, 5, 0, 5, 0, 1, 7, 1, 7, 1, 7}
	require.Equal(t, [][]float32{begun, {1, 1, 1}}, n.state, "reset afterwards")
	got[0].Put(n.state[0], 3, 1, []float32{21, 22, 23, 24})
	require.Equal(t, []float32{5, 0, 21, 22, 5, 0, 1, 7, 23, 24, 1, 7}, n.state[0])

	// One row: all is of it.
	one := newNet()
	one.reset = func(n *net, _ int) { n.state = newNet().state }
	got, err = Find(one, 1)
	require.NoError(t, err)
	require.Equal(t, []Block{{1, 12}, {1, 3}}, got)
	require.Equal(t, 12, got[0].Size())
}

func TestFindErrors(t *testing.T) {
	for want, of := range map[string]*net{
		"refused":                    {refuse: true, state: newNet().state, reset: (*net).begin},
		"of which Reset(0) resets 0": {state: newNet().state, reset: func(*net, int) {}},
		"is not [layers][3 rows][2]: that Reset(0) sets element 6 is false, and it would be of row 0": {state: newNet().state, reset: func(n *net, r int) { // not the second layer
			copy(n.state[0][2*r:][:2], []float32{0, 0})
			n.state[1][r] = 0
		}},
		"that Reset of all rows but row 0 sets element 4 is false, and it would be of row 2": {state: newNet().state, reset: func(n *net, r int) {
			if r < 2 {
				n.begin(r)
			}
		}},
	} {
		_, err := Find(of, 3)
		require.ErrorContains(t, err, want)
	}
	// All numbers of a row side by side are one run.
	n := newNet()
	n.reset = func(n *net, r int) { clear(n.state[0][4*r:][:4]); n.state[1][r] = 0 }
	got, err := Find(n, 3)
	require.NoError(t, err)
	require.Equal(t, Block{1, 4}, got[0])
}
