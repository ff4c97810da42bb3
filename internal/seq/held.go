package seq

// held says whether Forward goes on with the copies of the weights that it has.
type held struct {
	on     bool
	copied bool // the copies are of the weights as they were when on was set, or at the last Refresh
}

// HoldWeights says whether the Forward calls that follow the next one use the copies of the
// weights that it makes, until HoldWeights, Refresh or SetWorkers is called. At first each copies them
// anew. It panics with keep: Backward would go over other weights than Forward.
func (u *Unrolled) HoldWeights(on bool) {
	if u.keep {
		panic(u.net.Kind + ": HoldWeights on what Unroll made, whose weights change between its passes: use Infer")
	}
	u.held = held{on: on}
}

// Refresh makes the next Forward copy the weights, as they are then.
func (u *Unrolled) Refresh() { u.held.copied = false }

// copyWeights copies the weights in the layout of the products, unless Forward goes on with
// the copies of the one before. W_hh after its masks is another one in each Forward.
func (u *Unrolled) copyWeights() {
	masked := u.masks.drawn && u.net.Noise.Weight != 0
	if u.held.copied && !masked {
		return
	}
	u.fork(u.packPiece(false), u.tasks.packForward)
	u.held.copied = u.held.on && !masked
}
