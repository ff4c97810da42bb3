package crew

import "github.com/simdrnn/simdrnn/kernels"

// Pieces cuts tensors for the workers, for work that treats every element on its own:
// where the cuts fall changes no bit.
type Pieces struct {
	Crew
	isa  kernels.ISA
	list []piece
	size int
	part func(w, n int)
}

type piece struct{ tensor, lo, hi int }

// pieceSize keeps a piece, with its moments, inside the second-level cache.
const pieceSize = 1 << 14

// Init cuts tensors of these lengths. Run calls update for elements lo to hi of tensor i.
func (p *Pieces) Init(isa kernels.ISA, lengths []int, update func(i, lo, hi int)) {
	p.isa, p.list, p.size = isa, nil, 0
	for i, n := range lengths {
		p.size += n
		for lo := 0; lo < n; lo += pieceSize {
			p.list = append(p.list, piece{i, lo, min(lo+pieceSize, n)})
		}
	}
	p.part = func(w, n int) {
		for i := w; i < len(p.list); i += n {
			update(p.list[i].tensor, p.list[i].lo, p.list[i].hi)
		}
	}
}

// Run updates all pieces. An element costs about as much as sixteen
// multiply-adds of a product: it is bound by memory.
func (p *Pieces) Run() { p.Crew.Run(p.isa, 16*p.size, p.part) }
