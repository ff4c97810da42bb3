package seq

import "github.com/simdrnn/simdrnn/internal/split"

// zeroUnit is where the share of a worker in a gradient may end: a cache line.
const zeroUnit = 16

// ZeroGrads sets all gradients to +0.
func (u *Unrolled) ZeroGrads() {
	if u.keep {
		u.fork(u.zeroPiece(), u.tasks.zero)
	}
}

// zeroPiece is the size of ZeroGrads: writing an element takes about as long as eight
// operations.
func (u *Unrolled) zeroPiece() piece {
	size, most := 0, 0
	for i := range u.back.grads {
		for _, g := range u.back.grads[i].all {
			size += len(g)
			most = max(most, units(len(g), zeroUnit))
		}
	}
	return piece{8 * float64(size), most}
}

// zeroShare zeroes a share of each gradient.
func (u *Unrolled) zeroShare(w, n int) {
	for i := range u.back.grads {
		for _, g := range u.back.grads[i].all {
			lo, hi := split.Share(len(g), zeroUnit, w, n)
			clear(g[lo:hi])
		}
	}
}
