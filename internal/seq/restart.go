package seq

// restart is the state with which rows begin anew inside a window, where it is not +0, and
// the gradient of it.
type restart struct {
	state [][]float32 // laid out as the carried state; nil: +0
	grad  [][]float32 // of each row the sum over the steps at which it begins anew; nil without keep
}

// SetResetState says with which state rows begin anew at the steps of SetResets, from the next
// Forward on; nil for +0, as at first. Tiny values become +0. Nothing is changed if it
// returns an error.
func (u *Unrolled) SetResetState(s [][]float32) error {
	r := &u.resets.restart
	if s == nil {
		*r = restart{}
		u.forget()
		return nil
	}
	if err := u.net.checkState("state to begin anew with", s, u.state); err != nil {
		return err
	}
	if r.state == nil {
		r.state = zeros(u.state)
		if u.keep {
			r.grad = zeros(u.state)
			u.growRestarts()
		}
	}
	for k := range s {
		u.isa.CopyFlush(r.state[k], s[k])
	}
	u.forget()
	return nil
}

func zeros(like [][]float32) (s [][]float32) {
	for _, v := range like {
		s = append(s, make([]float32, len(v)))
	}
	return s
}

// growRestarts makes room behind the row of zeros of the time blocks of h for the h with
// which rows begin anew, from which weight gradients take it.
func (u *Unrolled) growRestarts() {
	for layer, h := range u.memory.h {
		if n := (u.restartRow(u.batch)) * u.net.wide(); len(h) < n {
			u.memory.h[layer] = append(make([]float32, 0, n), h...)[:n]
		}
	}
}

// restartRow is the row of the time blocks of h that has the h with which the user's row b
// begins anew.
func (u *Unrolled) restartRow(b int) int { return u.zeroRow() + 1 + b }

// beginRestarts begins a Forward: it puts the h of all layers where weight gradients take it
// from.
func (u *Unrolled) beginRestarts() {
	r := &u.resets.restart
	if !u.resets.now || r.grad == nil {
		return
	}
	dirs, h := len(u.net.Reverse), u.net.Shape.States[0]
	for i := range u.net.W {
		for b := range u.batch {
			to := u.memory.h[i/dirs][u.restartRow(b)*u.net.wide()+i%dirs*h:]
			copy(to[:h], r.state[0][(i*u.batch+b)*h:])
		}
	}
}

// restartState is state tensor k with which the user's row b begins anew in the direction of
// the job, nil for +0.
func (u *Unrolled) restartState(k, b int) []float32 {
	s := u.resets.restart.state
	if s == nil {
		return nil
	}
	width := u.net.Shape.States[k]
	return s[k][(u.job.i*u.batch+b)*width:][:width]
}

// addRestartGrad adds d, the gradient of units lo to hi-1 of that state, to what the row has
// so far.
func (u *Unrolled) addRestartGrad(k, b, lo, hi int, d []float32) {
	g := u.resets.restart.grad
	if g == nil {
		return
	}
	width := u.net.Shape.States[k]
	to := g[k][(u.job.i*u.batch+b)*width:][lo:hi]
	u.isa.Add(to, to, d)
}

// clearRestartGrads begins a Backward.
func (u *Unrolled) clearRestartGrads() {
	for _, g := range u.resets.restart.grad {
		clear(g)
	}
}

// CopyResetGrad sets dst, laid out as a state, to the gradients of the state of SetResetState:
// for each row the sum, in the order of the backward pass, over the steps of the last Backward
// at which it begins anew.
func (u *Unrolled) CopyResetGrad(dst [][]float32) {
	u.mustKeep("CopyResetGrad")
	if u.resets.restart.grad == nil {
		panic(u.net.Kind + ": CopyResetGrad without a SetResetState before it: rows begin anew with +0, which has no gradient")
	}
	u.copyOut("CopyResetGrad", "gradient of the state to begin anew with", dst, u.resets.restart.grad)
}
