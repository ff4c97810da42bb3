package rnn

import (
	"github.com/simdrnn/simdrnn/internal/seq"
	"github.com/simdrnn/simdrnn/kernels"
)

// variant is one step with everything that Config can add. Where nothing is added
// it computes what cell does, bit for bit, in more and smaller kernels.
//
// The equations with the numbers of cell; what Config leaves out is not there. h~
// is h_{t-1}, in training without the units that HiddenDropout drops:
//
//	(0) a = b + W_ih x_t + W_hh h~            one chain: b, then x, then h~
//	    or with LayerNorm
//	    a = gain_ih*norm(W_ih x_t) + b + gain_hh*norm(W_hh h~)
//	(1) h' = f(clip a)
//	    h_t = h', or h_{t-1} where Zoneout keeps it
//
// Backward, dh being the gradient of h_t that comes from step t+1:
//
//	(2) d = dh + dy_t; by (1) it is the gradient of h', and e that of h_{t-1}
//	(3) da = f'*d, 0 where clip limits
//	    dX = da, or norm'(gain_ih*da)         the gradients of the two products
//	    dY = da, or norm'(gain_hh*da)
//	(4) dh = W_hh^T dY + e                    for step t-1
//	(5) dx_t = W_ih^T dX
//	(6) dW_ih += dX x_t^T   dW_hh += dY h~^T   db += da   dgain += da*norm(...)
type variant struct {
	cfg  Config
	gate seq.Gate

	// The first columns of the parts of a tape row; 0 for those that are not
	// there, but for x, which is.
	x, da, xHat, hHat, dh, y, hMasked, dev int
	width                                  int
}

func newVariant(c Config) *variant {
	v := &variant{cfg: c, gate: seq.Gate{F: seq.Activation(c.Activation), Clip: c.Clip}}
	H := c.Hidden
	var cols seq.Columns
	v.x = cols.Take(H, true)         // a, after Backward dX
	v.da = cols.Take(H, c.LayerNorm) // da where it is not dX
	v.xHat = cols.Take(H, c.LayerNorm)
	v.hHat = cols.Take(H, c.LayerNorm)
	v.dh = cols.Take(H, c.LayerNorm)  // dY where it is not dX
	v.y = cols.Take(H, c.Zoneout > 0) // h' where it is not h_t
	v.hMasked = cols.Take(H, c.HiddenDropout > 0)
	v.dev = cols.Take(2, c.LayerNorm) // 1/deviation of x and h
	v.width = int(cols)
	return v
}

func (v *variant) Shape() seq.Shape {
	H := v.cfg.Hidden
	sh := seq.Shape{
		Hidden: H, States: []int{H}, Gates: H, BiasInCell: v.cfg.LayerNorm,
		Tape: v.width, Scratch: H, Temp: H,
		Recur:  []seq.Block{{Rows: H, Col: v.dh, Factor: v.hMasked}},
		Totals: []seq.Total{{Param: seq.BiasIh, Rows: H, Col: v.da}, {Param: seq.BiasHh, Rows: H, Col: v.da}},
	}
	if v.cfg.LayerNorm {
		sh.Extra = []seq.Extra{{Name: "gain_ih", Rows: H}, {Name: "gain_hh", Rows: H}}
		sh.Totals = append(sh.Totals,
			seq.Total{Param: seq.FirstExtra, Rows: H, Col: v.xHat}, seq.Total{Param: seq.FirstExtra + 1, Rows: H, Col: v.hHat})
	}
	return sh
}

func (v *variant) Forward(s *seq.Step) {
	H, tape, h, hPrev := v.cfg.Hidden, &s.Tape, &s.State[0], &s.Prev[0]
	from, stride := s.MaskedHidden(v.hMasked) // (0): h~
	if v.cfg.LayerNorm {
		s.Recur[0].Gemm(kernels.Set|s.Order, s.Rows, from, stride, tape.Data[v.hHat:], tape.Stride) // (0): W_hh h~
	} else {
		s.Recur[0].Gemm(kernels.Continue|s.Order, s.Rows, from, stride, tape.Data, tape.Stride) // (0)
	}
	for r := range s.Rows {
		row := tape.Row(r)
		a, y := row[:H], v.output(row, h.Row(r))
		if v.cfg.LayerNorm {
			x, hh, dev := row[v.xHat:][:H], row[v.hHat:][:H], row[v.dev:]
			dev[0] = s.ISA.Normalize(x, a, seq.Epsilon)   // (0): norm(W_ih x_t)
			dev[1] = s.ISA.Normalize(hh, hh, seq.Epsilon) // (0): norm(W_hh h~)
			s.ScaleShift(a, s.Extra[0], x, s.BiasSum)     // (0): the share of x, and b
			s.ISA.MulAdd(a, s.Extra[1], hh)               // (0): and that of h~
		}
		v.gate.Apply(s.ISA, y, a) // (1): h'
		s.ISA.CopyFlush(y, y)     // (1): tiny values are +0
		if v.cfg.Zoneout > 0 {
			s.Keep(seq.KeepHidden, r, h.Row(r), y, hPrev.Row(r), s.Temp) // (1): h_t
		}
	}
}

// output is h' of a row of the tape, where it is not the state h.
func (v *variant) output(row, h []float32) []float32 {
	if v.cfg.Zoneout > 0 {
		return row[v.y:][:len(h)]
	}
	return h
}

func (v *variant) Backward(s *seq.Step) {
	H, tape, h, dh := v.cfg.Hidden, &s.Tape, &s.State[0], &s.Grad[0]
	for r := range s.Rows {
		row, d, e := tape.Row(r), dh.Row(r), s.Scratch.Row(r)
		a := row[:H]
		s.ISA.Add(d, d, s.Dy.Row(r))                                  // (2): d
		s.KeepGrad(seq.KeepHidden, r, d, e, d)                        // (2): e
		v.gate.Gradient(s.ISA, a, v.output(row, h.Row(r)), d, s.Temp) // (3): da
		if v.cfg.LayerNorm {
			da, dev := row[v.da:][:H], row[v.dev:]
			copy(da, a)                                                                        // (3): da, ahead of dX
			s.NormalizedGrad(a, row[v.xHat:][:H], s.Extra[0], da, dev[0], s.Temp)              // (3): dX
			s.NormalizedGrad(row[v.dh:][:H], row[v.hHat:][:H], s.Extra[1], da, dev[1], s.Temp) // (3): dY
		}
	}
	s.PrevHiddenGrad(v.dh) // (4)
}
