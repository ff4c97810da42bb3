package seq2seq

import "github.com/simdrnn/simdrnn/nn"

// telling is what a Net tells of its gradients while Backward is at work.
type telling struct {
	f                        func(n int)
	bridge, decoder          int         // how many parameters come before theirs
	fromEncoder, fromDecoder func(n int) // what these are given
}

func (t *telling) init(n *Net) {
	n.encoder.EachParam(func(string, []float32, []float32) { t.bridge++ })
	t.decoder = t.bridge
	if n.bridge != nil {
		for _, m := range n.bridge.maps {
			m.EachParam(func(string, []float32, []float32) { t.decoder++ })
		}
	}
	t.fromDecoder = func(k int) { t.say(t.decoder + k) }
	t.fromEncoder = func(k int) {
		if k > 0 { // the end is told by the Net
			t.say(k)
		}
	}
}

func (t *telling) say(n int) {
	if t.f != nil {
		t.f(n)
	}
}

// OnGradients sets a function that Backward calls while it is at work, nil for none: f(n)
// says that the gradients of all parameters but the first n, in the order of EachParam, have
// got all that this Backward adds to them: those of the decoder as its stages and layers are
// done, then those of the bridge, then those of the encoder. The last call is f(0). A
// parameter that encoder and decoder share has a gradient of each, which are told one after
// the other. f must not use n. It returns n: see nn.OnGradients.
func (n *Net) OnGradients(f func(n int)) any {
	n.tells.f = f
	if f == nil {
		n.decoder.OnGradients(nil)
		nn.OnGradients(n.encoder, nil)
	} else {
		n.decoder.OnGradients(n.tells.fromDecoder)
		nn.OnGradients(n.encoder, n.tells.fromEncoder)
	}
	return n
}
