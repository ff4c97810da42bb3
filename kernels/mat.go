package kernels

import "unsafe"

// A Mat is an operand of the kernels that work on a step of many rows: rows of as
// many elements as the call has units, Stride elements apart. Row r is
// Data[r*Stride : r*Stride+units]; Data may be longer. What lies between the rows is
// neither read nor written, so that the columns of a wider matrix are a Mat too.
//
// A single row x of n elements is Mat{x, n}.
//
// Where the documentation of a kernel says that one operand may be another, both have
// to be the same memory with the same Stride. Apart from that, what a call writes must
// not be memory of another operand; this is not checked.
type Mat struct {
	Data   []float32
	Stride int
}

// checkMat panics unless m has rows rows of units elements.
func checkMat(op, name string, rows, units int, m Mat) {
	checkMatrix(op, name, rows, units, len(m.Data), m.Stride)
}

// alongside says whether the rows of all operands lie side by side: then they are one
// long row.
func alongside(units int, strides ...int) bool {
	for _, s := range strides {
		if s != units {
			return false
		}
	}
	return true
}

// A part is the piece of all rows and units that one call of assembly takes, which
// cannot be preempted: some rows, or units of one row.
type part struct{ row, unit, rows, units int }

// next moves on to the next part, of at most limit elements, and says whether there
// is one.
func (p *part) next(rows, units, limit int) bool {
	if p.unit += p.units; p.unit == units {
		p.row += p.rows
		p.unit = 0
	}
	if p.row >= rows || units == 0 {
		return false
	}
	p.rows, p.units = 1, min(units-p.unit, limit)
	if p.units == units {
		p.rows = min(rows-p.row, max(1, limit/units))
	}
	return true
}

// holds says whether m has a row of so many elements.
func (m Mat) holds(units int) bool { return units <= m.Stride && units <= len(m.Data) }

// first is the first element of a matrix that has one.
func (m Mat) first() *float32 { return unsafe.SliceData(m.Data) }

// at is the first element of a part, row its row r.
func (m Mat) at(p part) *float32 { return unsafe.SliceData(m.Data[p.row*m.Stride+p.unit:]) }

func (m Mat) row(p part, r int) []float32 {
	s := m.Data[(p.row+r)*m.Stride+p.unit:]
	return s[:p.units:p.units]
}
