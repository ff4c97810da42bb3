package ref

import "math"

// Flags of [Tile]: what happens to an accumulated chain.
const (
	TileAdd   = 1 << 0 // C = C + chain, one addition, instead of C = chain
	TileFlush = 1 << 1 // tiny results become +0
)

// Tile computes rows x cols outputs, each one chain of fused multiply-adds over
// q = 0..k-1 in ascending order:
//
//	acc = start[r*lds+j];  acc = FMA(a[r*rsa+q*csa], b[q*ldb+j], acc) for each q
//	C[r*ldc+j] = acc, or C + acc, or acc flushed, by flags
//
// It is the register tile of the vector machines as a loop, and with k whole it
// is the textbook matrix product. Sixteen columns go side by side only to give
// the processor independent chains; no sum is split.
func Tile(rows, cols, k int, a []float32, rsa, csa int, b []float32, ldb int, start []float32, lds int, c []float32, ldc int, flags int) {
	var acc [16]float32
	for r := range rows {
		for j := 0; j < cols; j += len(acc) {
			w := min(len(acc), cols-j)
			copy(acc[:w], start[r*lds+j:])
			if w == len(acc) && k > 0 {
				chains16(&acc, k, a[r*rsa:], csa, b[j:], ldb)
			} else {
				for q := range k {
					s := a[r*rsa+q*csa]
					for l, v := range b[q*ldb+j:][:w] {
						acc[l] = FMA(s, v, acc[l])
					}
				}
			}
			out := c[r*ldc+j:][:w]
			for l := range out {
				v := acc[l]
				if flags&TileAdd != 0 {
					v = out[l] + v
				}
				if flags&TileFlush != 0 {
					v = Flush(v)
				}
				out[l] = v
			}
		}
	}
}

// chains16 continues sixteen chains by k steps: acc[l] = FMA(a[q*csa], b[q*ldb+l], acc[l]).
//
// It is [FMA] written out, whose call costs as much as its work: four sums at a time, and the
// chains, which are float32 throughout, held as float64.
func chains16(acc *[16]float32, k int, a []float32, csa int, b []float32, ldb int) {
	var c [16]float64
	for l, v := range acc {
		c[l] = float64(v)
	}
	for q := range k {
		s := float64(a[q*csa])
		row := (*[16]float32)(b[q*ldb:])
		for l := 0; l < len(row); l += 4 {
			u0 := math.Float64bits(float64(s*float64(row[l])) + c[l])
			u1 := math.Float64bits(float64(s*float64(row[l+1])) + c[l+1])
			u2 := math.Float64bits(float64(s*float64(row[l+2])) + c[l+2])
			u3 := math.Float64bits(float64(s*float64(row[l+3])) + c[l+3])
			if once(u0) && once(u1) && once(u2) && once(u3) {
				c[l], c[l+1], c[l+2], c[l+3] = nearest(u0), nearest(u1), nearest(u2), nearest(u3)
				continue
			}
			for i := l; i < l+4; i++ {
				c[i] = float64(fmaRare(float64(s*float64(row[i])), c[i]))
			}
		}
	}
	for l, v := range c {
		acc[l] = float32(v)
	}
}
