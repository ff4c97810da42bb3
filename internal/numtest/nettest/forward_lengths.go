package nettest

import (
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
)

// ForwardLengths gives what SetLengths and Forward give, and returns an error, with
// nothing changed, where these two would panic: lengths are data.
func forwardLengths(t *testing.T, k Kind) {
	const T, B = 5, 3
	p := newProblem(t, k, 31, Config{Input: 2, Hidden: 4, Layers: 2, Bidirectional: true}, T, B, false)
	for _, lengths := range [][]int{{2, T, 0}, {1, 1, 4}, nil} {
		p.lengths = lengths
		want := p.run(t, p.net.Unroll(T, B))
		got, u := &result{y: filled(len(p.dy)), dx: filled(len(p.x))}, p.net.Unroll(T, B)
		check(t, u.SetLengths([]int{3, 3, 3})) // which the next call replaces
		p.start(t, u)
		check(t, u.ForwardLengths(got.y, p.x, lengths))
		got.state = u.State()
		check(t, u.SetStateGrad(p.dstate))
		for _, c := range []struct {
			steps   int
			lengths []int
			want    string
		}{
			{T, []int{T, T + 1, 0}, "length 6 of row 1"}, {2, []int{2, 2, 3}, "length 3 of row 2"}, {T, []int{-1, 0, 0}, "length -1 of row 0"},
			{T, []int{1, 2}, "2 lengths for a batch of 3"}, {T + 1, []int{1, 1, 1}, "6 steps"}, {T + 1, nil, "6 steps"},
		} {
			y := filled(c.steps * B * p.out())
			err := u.ForwardLengths(y, make([]float32, c.steps*B*p.cfg.Input), c.lengths)
			if err == nil || !strings.HasPrefix(err.Error(), k.Package+": ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("lengths %v of %d steps: the error is %v, want one with %q", c.lengths, c.steps, err, c.want)
			}
			numtest.Equal(t, y, filled(len(y)), "outputs of a refused call")
		}
		// The refused calls have left the Forward before them to Backward.
		u.Backward(got.dx, p.dy)
		got.dstate = u.StateGrad()
		got.readGrads(u)
		same(t, "by ForwardLengths", got, want)
	}
}

// What a Forward does with lengths of before: one beyond its T panics and names
// ForwardLengths, and lengths that were refused leave those of before in force. Infer
// has ForwardLengths too, and no call of it allocates.
func lengthsOfBefore(t *testing.T, k Kind) {
	p := newProblem(t, k, 9, Config{Input: 3, Hidden: 4, Bidirectional: true}, 5, 2, false)
	p.lengths = []int{5, 3}
	want := p.run(t, p.net.Unroll(p.T, p.B))
	for _, u := range []Unrolled{p.net.Unroll(10, 2), p.net.Infer(10, 2)} {
		u.SetTraining(true)
		y := filled(len(p.dy))
		check(t, u.SetLengths([]int{10, 3}))
		panics(t, k, "5 steps", "row 0 10; ForwardLengths", func() { u.Forward(y, p.x) })
		panics(t, k, "ForwardLengths with len(y) = 15", "T*16", func() { u.ForwardLengths(y[:15], p.x, p.lengths) })

		p.start(t, u)
		check(t, u.ForwardLengths(y, p.x, p.lengths))
		numtest.Equal(t, y, want.y, "y")
		if err := u.ForwardLengths(y, p.x, []int{2, 6}); err == nil || !strings.Contains(err.Error(), "0..5, the steps of x; cut the sequence") {
			t.Errorf("the error is %v", err)
		}
		p.start(t, u)
		u.Forward(y, p.x)
		numtest.Equal(t, y, want.y, "y of a Forward by the lengths of before")
		lengths := []int{3, 5}
		if n := testing.AllocsPerRun(5, func() { check(t, u.ForwardLengths(y, p.x, lengths)) }); n != 0 {
			t.Errorf("%v allocations in ForwardLengths", n)
		}
	}
}
