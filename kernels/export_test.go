package kernels

// Panels is the memory of a packed matrix, [n/nr][k][nr], and nr.
func (p *Packed) Panels() (panels []float32, nr int) { return p.panels, tilings[p.isa].nr() }

// PackBlock is what a block of a panel holds.
const PackBlock = packBlock
