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
