package nn

import "reflect"

// OnGradients sets a function that Backward of net calls while it is at work, nil for none,
// and says whether it does. f(n) says that the gradients of all parameters but the first n,
// in the order of EachParam, have got all that this Backward adds to them; the last call is
// f(0), at the end. So they may be read, and sent to other machines, while others are
// computed. That is for a *Model, an Unrolled of packages lstm, gru and rnn, a *seq2seq.Net,
// and every net with a method
//
//	OnGradients(f func(n int)) any   // returns the net itself
//
// The method returns its own net since a type that embeds a net has the method too, and may
// do more in its Backward than the net in it. Such a type is not asked: OnGradients takes the
// function back and returns false, until the type has a method of its own.
func OnGradients(net Net, f func(n int)) bool {
	t, ok := net.(interface{ OnGradients(f func(n int)) any })
	if !ok {
		return false
	}
	if of := t.OnGradients(f); reflect.ValueOf(net).Comparable() && of == any(net) {
		return true
	}
	t.OnGradients(nil)
	return false
}

// OnGradients sets a function that Backward calls while it is at work, nil for none: f(n)
// says that the gradients of all parameters but the first n, in the order of EachParam, have
// got all that this Backward adds to them. It is called as soon as a stage is done, and
// inside a stage as its layers are, where the stage tells them: see OnGradients. The last
// call is f(0), at the end. So the gradients may be read, and sent to other machines, while
// those of earlier stages are computed. In a chain that adds up several gradients of one
// parameter at the end f(0) is the only call. f must not use the chain. It returns m.
func (m *Model) OnGradients(f func(n int)) any {
	m.tell = f
	for _, l := range m.links {
		if f == nil || m.sums != nil {
			OnGradients(l.net, nil)
		} else {
			OnGradients(l.net, l.told)
		}
	}
	return m
}

// OnGradients is that of a Model: what the Residual adds is no gradient of a parameter.
func (r *residual) OnGradients(f func(n int)) any {
	r.Model.OnGradients(f)
	return r
}

// hear makes what the links are given to tell their gradients.
func (m *Model) hear() {
	for _, l := range m.links {
		l.told = func(n int) {
			// What is complete with all of the link is told by back, which waits for an
			// embedding before the first one.
			if n > 0 && n < len(l.begins) && m.tell != nil {
				m.tell(l.begins[n])
			}
		}
	}
}
