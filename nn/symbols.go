package nn

import (
	"github.com/simdrnn/simdrnn/internal/pages"
	"github.com/simdrnn/simdrnn/kernels"
)

// bySymbol is a Net that takes the rows of a table in place of x: layers of packages lstm, gru
// and rnn do, see their ForwardSymbols.
type bySymbol interface {
	TakesSymbols(net any) bool
	ReserveSymbols(vocabulary int)
	ForwardSymbols(y, table []float32, ids []int32)
	BackwardSymbols(dTable, dy []float32, padding int32)
}

// symbolPairs is how many pairs (t, b) a chain must have for each symbol so that its first layer
// goes by symbols. With fewer there may be hardly any symbol that comes twice. The vectors and
// their gradients, which are not kept then, are 2*dim floats a pair, what an LSTM keeps for the
// symbols 8*hidden a symbol: with four pairs for each that is no more for as many units as dim.
const symbolPairs = 4

// goBySymbol lets the first layer of a chain over ids do its products for each symbol once, if
// it can and there are few symbols, and says whether it does.
func (m *Model) goBySymbol() bool {
	if m.emb.Vocabulary > m.steps*m.batch/symbolPairs {
		return false
	}
	// What is bound is a Net of this package, which reads the vectors themselves.
	net, ok := m.links[0].net.(bySymbol)
	if !ok || m.links[0].from != nil || !net.TakesSymbols(m.links[0].net) {
		return false
	}
	// A table that is a parameter of the layer too is no memory that ForwardSymbols takes.
	own := false
	m.links[0].net.EachParam(func(_ string, w, _ []float32) { own = own || kernels.Overlap(w, m.emb.Weight) })
	if own {
		return false
	}
	net.ReserveSymbols(m.emb.Vocabulary)
	m.symbols = net
	return true
}

// makeVectors makes the memory for the vectors that are looked up and their gradients.
func (m *Model) makeVectors() {
	m.emb.y = pages.Floats(m.steps * m.batch * m.emb.Dim)
	if !m.infer {
		m.emb.dy = pages.Floats(len(m.emb.y))
	}
	m.first = m.emb.y
}

// stepsBySymbol is a Predictor that holds the products of the rows of a table: those of packages
// lstm, gru and rnn do, see their StepSymbols.
type stepsBySymbol interface {
	TakesSymbols(predictor any, vocabulary int) bool
	HoldSymbols(table []float32)
	StepSymbols(y []float32, ids []int32)
}

// goBySymbol lets the first stage keep the products of the symbols, if it can and there are few.
func (p *ModelPredictor) goBySymbol() {
	if q, ok := p.links[0].net.(stepsBySymbol); ok && q.TakesSymbols(p.links[0].net, p.emb.Vocabulary) {
		q.HoldSymbols(p.emb.Weight)
		p.symbols, p.ids = q, make([]int32, 0, p.batch)
	}
}
