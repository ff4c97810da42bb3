package seq

import "testing"

// Visits of fewer chunks than there is room for need no more scratch: three of four
// chunks of 256 pairs, alone and after a full visit.
func TestVisitsOfFewerChunks(t *testing.T) {
	for _, c := range []struct{ room, steps int }{{4, 3}, {7, 7}} {
		n := sized{in: 1, hidden: 81, layers: 1, steps: c.room, batch: 256, workers: 1}.net(t)
		n.Noise = Noise{}
		u := n.Unroll(c.room, 256, true)
		x, y := make([]float32, c.steps*256), make([]float32, c.steps*256*81)
		u.Forward(y, x)
		u.Backward(nil, y)
	}
}
