package ref

// Pack lays w columns of B out as one panel [k][nr] and stores +0 in the nr-w
// columns that are missing:
//
//	panel[q*nr+j] = b[q*ldb+j], or with trans b[j*ldb+q]
//
// Bits are copied as they are, but with flush tiny values are stored as +0.
func Pack(panel []float32, trans, flush bool, nr, k int, b []float32, ldb, w int) {
	down, right := ldb, 1
	if trans {
		down, right = 1, ldb
	}
	for q := range k {
		row, at := panel[q*nr:][:nr], q*down
		for j := range row[:w] {
			v := b[at]
			if flush {
				v = Flush(v)
			}
			row[j] = v
			at += right
		}
		clear(row[w:])
	}
}
