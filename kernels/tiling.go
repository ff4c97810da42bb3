package kernels

import (
	"math/bits"

	"github.com/simdrnn/simdrnn/kernels/internal/tile"
)

// tiling is what a tier's products are cut into: register tiles, and panels of
// packed matrices that are as wide as a tile.
type tiling struct {
	tile.Size
	// kc steps of a panel are multiplied before the next row of tiles starts, but see whole:
	// kc*nr floats should stay in the first-level cache next to the rows of a tile, or
	// where that is too small in the second-level cache next to mc rows of A.
	kc int
	// Up to whole steps are not cut into blocks: to store the chains and load them again takes
	// longer there than to read the panel from the second-level cache for each tile.
	whole int
	// mc rows of A are multiplied with one panel before the next panel starts.
	mc int
	// GemmRows copies up to copied rows of the transposed A at a time, room elements at most:
	// half of the second-level cache, 512 KiB and with AVX-512 1 MiB. B is read anew, from
	// further away, for each such block.
	copied, room int
	// many is how many panels are taken at a time where there are more rows than the
	// highest tile has; 0 is one.
	many int
	// abreast is how many panels a matrix stored as B is, [k][n], is packed into at a time: its
	// rows are read in stretches as wide as these panels. That of NEON is that of AVX2, whose
	// panels are as narrow; it was not timed.
	abreast int
}

func (s *tiling) nr() int { return s.Lanes * s.Vecs }

// vectors is how many vectors hold so many columns, 1 or more, and how many of them the last
// one has. Lanes is a power of two: a division would take as long as some small products.
func (s *tiling) vectors(cols int) (vecs, tail int) {
	vecs = (cols + s.Lanes - 1) >> bits.TrailingZeros(uint(s.Lanes))
	return vecs, cols - (vecs-1)*s.Lanes
}

// width is how many columns the tiles of that many rows take at a time, where cols
// are left: several whole panels if a tile is that wide, or two tiles share three, else one.
func (s *tiling) width(rows, cols int) int {
	w := s.nr()
	if 3*w <= cols && s.apart(rows) {
		return 3 * w
	}
	most := s.many
	if rows <= s.Rows {
		most = s.most(rows)
	}
	for 2*w <= most*s.nr() && 2*w <= cols {
		w *= 2
	}
	return w
}

// most is how many panels the tiles of that many rows take at most.
func (s *tiling) most(rows int) int {
	if rows < 1 || rows > len(s.Panels) {
		return 1
	}
	return s.Panels[rows-1]
}

// height is how many rows the highest tile has that is so many columns wide.
func (s *tiling) height(cols int) int {
	h := s.Rows
	for h > 1 && s.most(h)*s.nr() < cols {
		h--
	}
	return h
}

// apart says whether that many rows have tiles of four and three rows whose three vectors
// have addresses of their own. Over one panel such tiles have as few chains as there are
// multiply-adds in flight, or fewer. Where there are more rows, higher tiles hold most.
func (s *tiling) apart(rows int) bool {
	return len(s.Apart) > 0 && (rows == 4 || rows == 7 || rows == 8)
}

// No tile has more columns than maxWidth or more outputs than maxTile.
const maxWidth, maxTile = 256, 6 * 64

// tilings holds the sizes of each tier. Rows and vectors fill the registers: 24
// accumulators, 2 vectors of B and the broadcasts of A that pass in the 32 of AVX-512,
// half as many in the 16 of AVX2. There a block of a panel, 16 KiB, stays in a first-level
// cache of 32 KiB beside the rows of A; a chain of up to 1024 steps is not cut for that (see
// decision 0013). On AVX-512 tiles over two panels read A and C in longer pieces, which is what
// counts where there are many rows; 7 to 12 rows read half as much of B in tiles over one (see
// decision 0029). Blocks of 256 and 512 steps do not differ there on a Xeon with 48 KiB L1 and
// 2 MiB L2, and mc matters little between 48 and 192. NEON has tiles of 6 rows by 4 vectors; no
// ARM hardware has been timed. The scalar sizes keep what the loop of ref.Tile touches small.
var tilings = [isaCount]tiling{
	Scalar: {Size: tile.Size{Lanes: 1, Vecs: 16, Rows: 8}, kc: 512, whole: 512, mc: 64, copied: 60, room: 1 << 16, abreast: 1},
	AVX2:   {Size: tile.AVX2, kc: 256, whole: 1024, mc: 96, copied: 96, room: 1 << 16, abreast: 16},
	AVX512: {Size: tile.AVX512, kc: 512, whole: 512, mc: 96, copied: 144, room: 1 << 17, many: 2, abreast: 1},
	NEON:   {Size: tile.NEON, kc: 512, whole: 512, mc: 96, copied: 96, room: 1 << 16, abreast: 16},
}

// longK bounds the steps of one tile call whose chain cannot be stored in C
// between blocks: 6 x 64 outputs over 8192 steps are some 30 us of work.
const longK = 8192
