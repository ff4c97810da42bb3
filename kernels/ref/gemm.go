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
			if w == len(acc) {
				for q := range k {
					s := float64(a[r*rsa+q*csa])
					row := (*[16]float32)(b[q*ldb+j:])
					for l, v := range row { // FMA written out: its call costs as much as its work
						p := float64(s * float64(v))
						t := p + float64(acc[l])
						if u := math.Float64bits(t); u&lowBits != midpoint && u&^signBit >= minNormal {
							acc[l] = float32(t)
						} else {
							acc[l] = fmaRare(p, float64(acc[l]))
						}
					}
				}
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
