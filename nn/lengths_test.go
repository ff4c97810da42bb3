package nn_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/nn"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// picky is a Net that refuses what a test says.
type picky struct {
	*traintest.Leaky
	refuses string
	grad    [][]float32 // that was handed in
	clock   []uint64
}

func (n *picky) refuse(what string) error {
	if n.refuses == what {
		return errors.New("refused: " + what)
	}
	return nil
}

func (n *picky) SetLengths(lengths []int) error {
	if err := n.refuse("lengths"); err != nil {
		return err
	}
	return n.Leaky.SetLengths(lengths)
}

func (n *picky) SetState(s [][]float32) error {
	if err := n.refuse("state"); err != nil && s[0][0] == 7 {
		return err
	}
	return n.Leaky.SetState(s)
}

func (n *picky) SetStateGrad(g [][]float32) error {
	if err := n.refuse("gradient"); err != nil && g != nil {
		return err
	}
	n.grad = g
	return nil
}

func (n *picky) MaskState() []uint64         { return []uint64{1, 2} }
func (n *picky) SetMaskState([]uint64) error { return nil }
func (n *picky) Clock() []uint64             { return slices.Clone(n.clock) }

func (n *picky) SetClock(c []uint64) error {
	if err := n.refuse("clock"); err != nil {
		return err
	}
	copy(n.clock, c)
	return nil
}

func (n *picky) NewPredictor(batch int) (any, error) { return n, nil }
func (n *picky) Step(y, x []float32)                 { copy(y, x) }
func (n *picky) Reorder([]int)                       {}
func (n *picky) Refresh()                            {}

// TestANetThatRefuses: what a later Net of a chain refuses is not set in an earlier
// one either.
func TestANetThatRefuses(t *testing.T) {
	build := func(refuses string) (first, second *picky, net *nn.Model) {
		first = &picky{Leaky: traintest.NewLeaky(3, 2), clock: make([]uint64, 2)}
		second = &picky{Leaky: traintest.NewLeaky(3, 2), clock: make([]uint64, 2), refuses: refuses}
		return first, second, traintest.Must(nn.Chain(traintest.Must(nn.NewLinear(1, 1, traintest.Rng(1))), first, second))
	}
	x, y := []float32{1, 2, 3, 4, 5, 6}, make([]float32, 6)

	first, second, net := build("")
	require.NoError(t, net.SetLengths([]int{3, 1}))
	second.refuses = "lengths"
	state := net.State()
	for _, lengths := range [][]int{{2, 2}, nil} {
		require.EqualError(t, net.SetLengths(lengths), "refused: lengths")
		require.Equal(t, []int{3, 1}, first.Lengths)
		require.EqualError(t, net.ForwardLengths(y, x, lengths), "refused: lengths")
		require.Equal(t, []int{3, 1}, first.Lengths)
	}
	require.Equal(t, state, net.State())
	require.Equal(t, make([]float32, 6), y)
	net.Forward(y, x)
	require.Equal(t, []float32{0, 0}, []float32{y[3], y[5]}, "the lengths of the chain are those before too")
	require.NotZero(t, y[2])
	require.Error(t, net.SetLengths([]int{2, 2}))
	require.Panics(t, func() { net.Backward(nil, y) }, "the first net may have forgotten its pass")
	// Where the only net refuses, all is as before.
	second.refuses = ""
	alone := traintest.Must(nn.Chain(second))
	alone.Forward(y, x)
	second.refuses = "lengths"
	require.Error(t, alone.SetLengths([]int{2, 2}))
	alone.Backward(nil, y)

	_, _, net = build("state")
	for range 2 { // the memory for going back is used again
		require.EqualError(t, net.SetState([][]float32{{3, 4}, {7, 7}}), "refused: state")
		require.Equal(t, [][]float32{{0, 0}, {0, 0}}, net.State())
	}
	p := traintest.Must(net.Predictor(2))
	require.EqualError(t, p.SetState([][]float32{{3, 4}, {7, 7}}), "refused: state")
	require.Equal(t, [][]float32{{0, 0}, {0, 0}}, p.State())
	require.NoError(t, p.SetState([][]float32{{3, 4}, {5, 6}}))
	require.Equal(t, [][]float32{{3, 4}, {5, 6}}, p.State())

	first, _, net = build("gradient")
	require.EqualError(t, net.SetStateGrad([][]float32{{3, 4}, {7, 7}}), "refused: gradient")
	require.Nil(t, first.grad)

	first, _, net = build("clock")
	require.EqualError(t, net.SetClock([]uint64{3, 4}), "refused: clock")
	require.Equal(t, []uint64{0, 0}, first.clock)
}

// TestLengthsAreData: what may be wrong with them is an error of ForwardLengths,
// ForwardIDs and ForwardIDsLengths, on which nothing is changed, and a panic of
// Forward that names ForwardLengths.
func TestLengthsAreData(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		const steps, batch = 6, 2
		build := func() (ids, floats *nn.Model) {
			emb := traintest.Must(nn.NewEmbedding(3, 4, traintest.Rng(1)))
			layer := func() nn.Stage { return traintest.Unrolled(4, 4, steps, batch) }
			return traintest.Must(nn.Chain(emb, layer(), layer(), traintest.Must(nn.NewLinear(4, 3, traintest.Rng(2))))), traintest.Must(nn.Chain(layer(), layer(), traintest.Must(nn.NewLinear(4, 3, traintest.Rng(2)))))
		}
		ids, floats := build()
		symbols, x, y := []int32{0, 1, 2, 1, 0, 2, 1, 1, 2, 0}, traintest.NumbersLike(5*batch*4, 3), make([]float32, 5*batch*3)
		type call struct {
			net     *nn.Model
			forward func(lengths []int) error
		}
		calls := map[string]call{
			"ids":    {ids, func(lengths []int) error { return ids.ForwardIDsLengths(y, symbols, lengths) }},
			"floats": {floats, func(lengths []int) error { return floats.ForwardLengths(y, x, lengths) }},
		}
		for name, c := range calls {
			require.NoError(t, c.forward([]int{5, 2}), name)
			good := slices.Clone(y)
			state := c.net.State()
			traintest.Fill(y, 7)
			for want, lengths := range map[string][]int{
				"length 6 of row 1, want 0 to 5, the steps of this call": {5, 6},
				"length 10 of row 0, want 0 to 5":                        {10, 3},
				"length -1 of row 0, want 0 to 5":                        {-1, 3},
				"1 lengths for 2 rows, want one for each row":            {5},
				"3 lengths for 2 rows":                                   {5, 5, 5},
				"0 lengths for 2 rows":                                   {},
			} {
				require.ErrorContains(t, c.forward(lengths), want, name)
				require.Equal(t, state, c.net.State())
				require.Equal(t, float32(7), y[0])
			}
			// The lengths are still 5 and 2, in the nets too, and the forward pass
			// before has its Backward.
			c.net.Backward(nil, good)
			c.net.Reset()
			if name == "ids" {
				require.NoError(t, ids.ForwardIDs(y, symbols))
			} else {
				floats.Forward(y, x)
			}
			numtest.Equal(t, y, good)
			again := []int{5, 2}
			require.Zero(t, testing.AllocsPerRun(2, func() { _ = c.forward(again) }), name)
			c.net.Reset()
			require.NoError(t, c.forward(nil))
			require.NotZero(t, y[len(y)-1], "nil stands for all steps")
		}
		// They are those of SetLengths and a forward pass.
		other, otherFloats := build()
		require.NoError(t, other.SetLengths([]int{3, 5}))
		require.NoError(t, otherFloats.SetLengths([]int{3, 5}))
		want := make([]float32, len(y))
		require.NoError(t, other.ForwardIDs(want, symbols))
		ids.Reset()
		require.NoError(t, ids.ForwardIDsLengths(y, symbols, []int{3, 5}))
		numtest.Equal(t, y, want)
		otherFloats.Forward(want, x)
		floats.Reset()
		require.NoError(t, floats.ForwardLengths(y, x, []int{3, 5}))
		numtest.Equal(t, y, want)

		// A bad id changes no length, nor do lengths make a bad id one of padding
		// before they hold.
		bad := slices.Clone(symbols)
		bad[9] = 33
		var id *data.IDError
		require.ErrorAs(t, ids.ForwardIDsLengths(y, bad, []int{4, 5}), &id)
		ids.Reset()
		require.NoError(t, ids.ForwardIDsLengths(y, bad, []int{5, 4}))
		require.ErrorAs(t, ids.ForwardIDsLengths(y, bad, nil), &id)
		require.NoError(t, ids.ForwardIDs(y, bad), "the lengths are still 5 and 4")

		// Lengths of SetLengths that are beyond a later, shorter call.
		state := ids.State()
		require.ErrorContains(t, ids.ForwardIDs(y[:4*batch*3], symbols[:8]), "length 5 of row 0, want 0 to 4, the steps of this call")
		require.ErrorContains(t, ids.ForwardIDs(nil, nil), "length 5 of row 0, want 0 to 0")
		require.Equal(t, state, ids.State())
		require.NoError(t, floats.SetLengths([]int{5, 0}))
		state = floats.State()
		require.PanicsWithValue(t, "nn: length 5 of row 0, want 0 to 4, the steps of this call; cut the sequence or give the call more steps; ForwardLengths takes the lengths of each call, and returns this as an error",
			func() { floats.Forward(y[:4*batch*3], x[:4*batch*4]) })
		require.Equal(t, state, floats.State())

		// More steps than the chain has.
		const many = "nn: 7 steps, want 0 to 6, the steps of the chain; cut the sequence or unroll more steps"
		y7, x7, ids7 := make([]float32, 7*batch*3), make([]float32, 7*batch*4), make([]int32, 7*batch)
		require.EqualError(t, ids.ForwardIDs(y7, ids7), many)
		require.EqualError(t, ids.ForwardIDsLengths(y7, ids7, nil), many)
		require.EqualError(t, floats.ForwardLengths(y7, x7, []int{7, 1}), many)
		require.Panics(t, func() { floats.Forward(y7, x7) })
		require.ErrorContains(t, floats.SetLengths([]int{7, 1}), "length 7 of row 0, want 0 to 6, the steps of the chain")

		// Slices of wrong lengths are mistakes of the program.
		for _, f := range []func(){
			func() { _ = ids.ForwardLengths(y, x, nil) },
			func() { _ = floats.ForwardIDsLengths(y, symbols, nil) },
			func() { _ = floats.ForwardLengths(y, x[1:], nil) },
			func() { _ = floats.ForwardLengths(y[1:], x, nil) },
			func() { _ = floats.ForwardLengths(x[:len(y)], x, nil) },
			func() { _ = ids.ForwardIDsLengths(y, symbols[1:], nil) },
		} {
			require.Panics(t, f)
		}
	})
}

func ExampleModel_ForwardLengths() {
	net := traintest.Must(nn.Chain(traintest.Unrolled(1, 4, 10, 2), traintest.Must(nn.NewLinear(4, 1, traintest.Rng(1)))))
	x, y := make([]float32, 5*2), make([]float32, 5*2) // 5 steps of 2 rows
	fmt.Println(net.ForwardLengths(y, x, []int{5, 3}))
	fmt.Println(y[3*2+1], y[4*2+1]) // past the end of row 1
	fmt.Println(net.ForwardLengths(y, x, []int{10, 3}))
	// Output:
	// <nil>
	// 0 0
	// nn: length 10 of row 0, want 0 to 5, the steps of this call; cut the sequence or give the call more steps
}
