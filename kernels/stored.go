package kernels

import "fmt"

// A Stored is a k x n matrix that stays where its owner keeps it, [k][n], or with trans [n][k]
// as weights are. Its products pack one strip of it after another, in memory of the caller, and
// multiply all rows by a strip while it is in a near cache. That is for a large matrix that is
// multiplied by once before it changes: a packed copy of all of it would go to memory and come
// back. Elements below 2^-100 are taken as +0, as by [Packed.PackFlush]. Products read the
// matrix as it is when they are made, and have the bits of those of a [Packed].
//
// The columns may be several groups of equal width, as in [ISA.NewPackedGroups].
type Stored struct {
	isa    ISA
	trans  bool
	k      int
	groups int
	cols   int // of a group
	b      []float32
	ldb    int
}

// stripSteps is the least steps of a strip of rows of B, if B has as many: each strip reads and
// writes all of C.
const stripSteps = 128

// NewStored returns the k x groups*cols matrix that b holds, its rows ldb apart, for products of
// tier t.
func (t ISA) NewStored(trans bool, k, groups, cols int, b []float32, ldb int) Stored {
	t.need()
	if k < 0 || groups < 1 || cols < 0 {
		panic(fmt.Sprintf("kernels: NewStored: k = %d, %d groups of %d columns, want sizes of 0 or more and at least 1 group", k, groups, cols))
	}
	if trans {
		checkMatrix("NewStored", "B", groups*cols, k, len(b), ldb)
	} else {
		checkMatrix("NewStored", "B", k, groups*cols, len(b), ldb)
	}
	return Stored{isa: t, trans: trans, k: k, groups: groups, cols: cols, b: b, ldb: ldb}
}

// NewStored is [ISA.NewStored] on the current tier.
func NewStored(trans bool, k, groups, cols int, b []float32, ldb int) Stored {
	return Current().NewStored(trans, k, groups, cols, b, ldb)
}

// StripRoom is the size of a strip, in elements, of stored matrices whose rows have up to so many
// elements as they lie in memory: half of a second-level cache of 512 KiB, with AVX-512 of 1 MiB,
// or more where a panel needs that. Without assembly arithmetic takes longer than any cache.
func (t ISA) StripRoom(row int) int {
	t.need()
	room := 1 << 16
	switch t {
	case AVX512:
		room = 1 << 17
	case Scalar:
		room = 1 << 14
	}
	return max(room, row*tilings[t].nr())
}

// StripRoom is [ISA.StripRoom] on the current tier.
func StripRoom(row int) int { return Current().StripRoom(row) }

// Columns returns the columns of each group that are part w of n, as [Packed.Columns] does.
func (s *Stored) Columns(w, n int) (lo, hi int) { return columns(s.isa, s.cols, w, n) }

// GemmPart multiplies the m x k matrix A by part w of n of the columns of each group, as
// [Packed.GemmPart] does, or with a bias, for which into is Set, as [Packed.GemmBiasPart]. into is
// Set, Continue or SetFlush. strip is scratch of at least [ISA.StripRoom] elements, which nothing
// else uses meanwhile. C must not be memory of the other operands.
func (s *Stored) GemmPart(w, n int, strip []float32, into Into, m int, a []float32, lda int, bias []float32, c []float32, ldc int) {
	lo, hi := s.Columns(w, n)
	s.check(strip, into, m, a, lda, bias, c, ldc)
	if m == 0 {
		return
	}
	// A strip of columns is rows as they lie in memory; one of rows is as many as there is room
	// for, or parts of them where they are long.
	t := &tilings[s.isa]
	steps := s.k
	if !s.trans {
		steps = min(steps, stripSteps)
	}
	width := min(t.panels(hi-lo), len(strip)/max(1, steps*t.nr())) * t.nr()
	if !s.trans && width > 0 {
		steps = min(s.k, len(strip)/width)
	}
	for g := range s.groups {
		for j := lo; j < hi; j += width {
			x := strips{of: s, memory: strip, col: g*s.cols + j, n: min(width, hi-j), steps: max(1, steps)}
			if x.after = (g*s.cols + j + x.n) * s.ldb; j+x.n == hi {
				x.after = ((g+1)*s.cols + lo) * s.ldb
			}
			x.multiply(into, m, a, lda, bias, c, ldc)
		}
	}
}

func (s *Stored) check(strip []float32, into Into, m int, a []float32, lda int, bias []float32, c []float32, ldc int) {
	const op = "Stored.GemmPart"
	n, row := s.groups*s.cols, s.k
	if !s.trans {
		row = n
	}
	checkMatrix(op, "C", m, n, len(c), ldc)
	checkMatrix(op, "A", m, s.k, len(a), lda)
	switch {
	case into != Set && into != Continue && into != SetFlush:
		panic(fmt.Sprintf("kernels: %s: Into(%d), want Set, Continue or SetFlush", op, uint8(into)))
	case bias != nil && into != Set:
		panic(fmt.Sprintf("kernels: %s: Into(%d) and a bias, want Set: chains that start at a bias do not continue what is in C", op, uint8(into)))
	case bias != nil && len(bias) != n:
		panic(fmt.Sprintf("kernels: %s: bias has %d elements, want %d, the columns of the matrix", op, len(bias), n))
	case len(strip) < s.isa.StripRoom(row):
		panic(fmt.Sprintf("kernels: %s: a strip of %d elements, want StripRoom(%d) = %d or more", op, len(strip), row, s.isa.StripRoom(row)))
	}
}

// strips are columns of a stored matrix that are packed so many steps at a time.
type strips struct {
	of     *Stored
	memory []float32
	col, n int
	steps  int
	after  int // with trans: where in B the next columns begin
}

func (x *strips) multiply(into Into, m int, a []float32, lda int, bias []float32, c []float32, ldc int) {
	s := x.of
	t := &tilings[s.isa]
	p := product{isa: s.isa, into: into, n: x.n, c: c[x.col:], ldc: ldc}
	if bias != nil {
		p.bias = bias[x.col:]
	}
	for q := 0; q == 0 || q < s.k; q += x.steps {
		p.k = min(x.steps, s.k-q)
		last := q+p.k == s.k
		switch {
		case q > 0:
			p.into, p.flush = Continue, into == SetFlush && last
		case into == SetFlush && !last:
			p.into = Set
		}
		p.b = x.memory[:panelsSize(t, x.n, p.k)]
		if p.k > 0 {
			x.pack(p.b, q, p.k)
		}
		p.after = x.soon(q + p.k)
		p.rows(m, a[min(q, len(a)):], lda, 1, 0)
	}
}

// pack packs the strip of k steps from q on.
func (x *strips) pack(panels []float32, q, k int) {
	s := x.of
	from := q*s.ldb + x.col
	if s.trans {
		from = x.col*s.ldb + q
	}
	p := packing{isa: s.isa, trans: s.trans, flush: true, n: x.n, k: k, b: s.b[from:], ldb: s.ldb}
	p.panels(panels, 0, tilings[s.isa].panels(x.n))
}

// soon is what is packed after the steps up to q, as far as it lies in one piece: tiles ask for
// it while they multiply, since packing would wait for most of it.
func (x *strips) soon(q int) []float32 {
	s := x.of
	from, size := x.after, x.n*s.ldb
	if !s.trans {
		if x.n < s.ldb {
			return nil
		}
		from, size = q*s.ldb, min(x.steps, s.k-q)*s.ldb
	}
	from = min(from, len(s.b))
	return s.b[from:min(from+size, len(s.b))]
}
