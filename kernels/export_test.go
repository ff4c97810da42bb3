package kernels

// Panels is the memory of a packed matrix, [n/nr][k][nr], and nr.
func (p *Packed) Panels() (panels []float32, nr int) { return p.panels, tilings[p.isa].nr() }

// Panels is the memory of a chunk, [n/nr][k][nr], and nr.
func (r *Rows) Panels(c int) (panels []float32, nr int) {
	_, panels = r.chunk(c)
	return panels, tilings[r.isa].nr()
}

// PackMost is how many elements one call of the assembly copies.
const PackMost = packMost

// PackBlock is what a block of a panel holds.
const PackBlock = packBlock
