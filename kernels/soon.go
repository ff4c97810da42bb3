package kernels

import "unsafe"

const lineFloats = 16 // float32 in a cache line

// cached is the size up to which all of B is taken to stay in the second-level
// cache beside A and C, 512 KiB. Not fetching a larger B ahead costs 1 % of speed
// where it just fits, and a quarter where it does not.
const cached = 1 << 17

// soon is what of B comes next: runs of each elements, the first of them at an address and
// the others jump elements apart. It is asked for a share at a time, and never read through
// the address, which may lie behind B.
type soon struct {
	at               uintptr
	runs, each, jump int
	pos              int // in the run
}

// take returns where the next share begins, or at b, which is near already, if there is none.
func (s *soon) take(share int, b *float32) uintptr {
	if s.runs == 0 {
		return uintptr(unsafe.Pointer(b))
	}
	at := s.at + 4*uintptr(s.pos)
	if s.pos += share; s.pos >= s.each {
		s.at, s.pos = s.at+4*uintptr(s.jump), 0
		s.runs--
	}
	return at
}

// soon is what is read after steps q to q+k-1 of the panels of that many columns from j on,
// in blocks of kc steps: the next block of these panels, or the first one of those that come
// next. It is nothing where B is near.
func (p *product) soon(j, width, q, k, kc int) soon {
	nr := tilings[p.isa].nr()
	if p.pa > 0 {
		if q*nr >= len(p.next) {
			return soon{}
		}
		return soon{at: addressOf(p.next, q*nr), runs: 1, each: k * nr}
	}
	if len(p.after) > 0 && q == 0 {
		from, to := len(p.after)/p.n*j, len(p.after)/p.n*min(p.n, j+width)
		return soon{at: addressOf(p.after, from), runs: 1, each: to - from}
	}
	if len(p.b) <= cached {
		return soon{}
	}
	next := soon{runs: max(1, width/nr), jump: p.k * nr}
	from := p.base + j*p.k
	if rest := p.k - q - k; rest > 0 {
		next.each = min(kc, rest) * nr
		next.at = addressOf(p.b, from+(q+k)*nr)
		return next
	}
	if from += width * p.k; p.down {
		from -= 2 * width * p.k
	}
	if from < 0 || from >= len(p.b) {
		return soon{}
	}
	next.each = min(kc, p.k) * nr
	next.at = addressOf(p.b, from)
	return next
}

func addressOf(s []float32, i int) uintptr { return uintptr(unsafe.Pointer(at(s, i))) }
