package kernels

import "github.com/simdrnn/simdrnn/kernels/ref"

func exp(t ISA, dst, x []float32)                        { ref.Exp(dst, x) }
func sigmoid(t ISA, dst, x []float32)                    { ref.Sigmoid(dst, x) }
func tanh(t ISA, dst, x []float32)                       { ref.Tanh(dst, x) }
func sigmoidGrad(t ISA, dx, y, dy []float32)             { ref.SigmoidGrad(dx, y, dy) }
func tanhGrad(t ISA, dx, y, dy []float32)                { ref.TanhGrad(dx, y, dy) }
func lstmGates(t ISA, i, f, g, o, c, h, cPrev []float32) { ref.LSTMGates(i, f, g, o, c, h, cPrev) }
func lstmGatesGrad(t ISA, i, f, g, o, dc, c, cPrev, dh, dy []float32) {
	ref.LSTMGatesGrad(i, f, g, o, dc, c, cPrev, dh, dy)
}
func maxLanes(t ISA, lanes, x []float32)                      { ref.MaxLanes(lanes, x) }
func sumLanes(t ISA, lanes, x []float32)                      { ref.SumLanes(lanes, x) }
func dotLanes(t ISA, lanes, x, y []float32)                   { ref.DotLanes(lanes, x, y) }
func expSumLanes(t ISA, lanes, dst, x []float32, max float32) { ref.ExpSumLanes(lanes, dst, x, max) }
func sumSquaresLanes(t ISA, lanes []float64, x []float32)     { ref.SumSquaresLanes(lanes, x) }
func add(t ISA, dst, a, b []float32)                          { ref.Add(dst, a, b) }
func mul(t ISA, dst, a, b []float32)                          { ref.Mul(dst, a, b) }
func axpy(t ISA, dst, x []float32, alpha float32)             { ref.Axpy(dst, x, alpha) }
func scale(t ISA, dst, x []float32, alpha float32)            { ref.Scale(dst, x, alpha) }
func scaleFlush(t ISA, dst, x []float32, alpha float32)       { ref.ScaleFlush(dst, x, alpha) }
func div(t ISA, dst, x []float32, d float32)                  { ref.Div(dst, x, d) }
func clip(t ISA, dst, x []float32, limit float32)             { ref.Clip(dst, x, limit) }
func sgd(t ISA, w, g []float32, lr, decay float32)            { ref.SGD(w, g, lr, decay) }
func sgdMomentum(t ISA, w, g, v []float32, lr, mu, damp, decay float32) {
	ref.SGDMomentum(w, g, v, lr, mu, damp, decay)
}
func sgdNesterov(t ISA, w, g, v []float32, lr, mu, decay float32) {
	ref.SGDNesterov(w, g, v, lr, mu, decay)
}
func adam(t ISA, w, g, m, v []float32, beta1, omb1, beta2, omb2, step, rbc2, eps, l2, keep float32) {
	ref.Adam(w, g, m, v, beta1, omb1, beta2, omb2, step, rbc2, eps, l2, keep)
}

func tile(t ISA, rows, vecs, k int, a *float32, rsa, csa int, b *float32, ldb int, start *float32, lds int, c *float32, ldc int, tail, flags int, next *float32) {
	cols := (vecs-1)*tilings[t].lanes + tail
	ref.Tile(rows, cols, k, view(a, span(rows, rsa, k, csa)), rsa, csa, view(b, span(k, ldb, cols, 1)), ldb,
		view(start, span(rows, lds, cols, 1)), lds, view(c, span(rows, ldc, cols, 1)), ldc, flags)
}

func peak(t ISA, iters int) int64 { return 0 }
