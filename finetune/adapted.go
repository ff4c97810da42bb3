package finetune

import (
	"crypto/sha256"
	"fmt"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/crew"
	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/nn"
)

// An Adapted is a net with adapters: a Net whose parameters are those of the adapters,
// "1.weight_hh_l0.lora_A" and "1.weight_hh_l0.lora_B", and those of LowRank.Train. A
// Trainer trains it and keeps these parameters alone in its checkpoints. A run that is
// resumed has to begin with the same net: compare Base.
//
// Each Forward sets the matrices anew, which takes Rank multiply-adds for each of their
// elements, and each Backward takes twice that after the backward pass of the net. The
// gradients of parameters that are not trained are computed by the net all the same.
//
// A predictor has the weights of the moment in which it was made; its Refresh takes those
// of the last Forward or Apply. The net itself has them too: net.Predictor(1) of a
// *nn.Model after Apply.
type Adapted struct {
	net      nn.Net
	how      LowRank
	base     [sha256.Size]byte
	matrices []*matrix
	params   []nn.Param // what is trained
	sums     *nn.Sums

	isa   kernels.ISA
	team  crew.Crew
	parts parts
	room  int         // scratch of a worker
	work  [][]float32 // one for each worker that has needed it
	m     *matrix     // of the product under way
}

// parts are the pieces of work that workers share, made once so that a pass allocates
// nothing.
type parts struct{ product, gradientB, gradientA func(w, n int) }

// rowUnit is what rows of a product are cut at between workers: a multiple of the rows of
// the tiles.
const rowUnit = 12

// Base returns the Fingerprint that the net had when it was given to Adapt. Files of
// adapters hold it.
func (a *Adapted) Base() [sha256.Size]byte { return a.base }

// Apply sets the matrices of the net: a copy of W0, to each element of which the chain of
// Rank multiply-adds of (Alpha/Rank * B) and A, ascending and from +0, is added.
func (a *Adapted) Apply() {
	for _, m := range a.matrices {
		a.isa.Scale(m.scaled, m.b.W, a.how.scale())
		a.run(m, a.how.Rank, a.parts.product)
	}
}

// run calls part for the shares of a piece of work of that many multiply-adds for each
// element of m.
func (a *Adapted) run(m *matrix, each int, part func(w, n int)) {
	a.m = m
	work := each * m.out * m.in
	n := a.team.Parts(a.isa, work)
	for len(a.work) < n {
		a.work = append(a.work, make([]float32, a.room))
	}
	a.team.RunParts(n, a.isa, work, part)
}

func (a *Adapted) product(w, n int) {
	m, rank := a.m, a.how.Rank
	lo, hi := split.Share(m.out, rowUnit, w, n)
	if lo == hi {
		return
	}
	c := m.of.W[lo*m.in : hi*m.in]
	copy(c, m.base[lo*m.in:hi*m.in])
	a.isa.Gemm(kernels.AddTo, false, false, hi-lo, m.in, rank, m.scaled[lo*rank:hi*rank], rank, m.a.W, m.in, c, m.in, a.work[w])
}

// gradientB sets a share of dB = dW A^T, without the factor.
func (a *Adapted) gradientB(w, n int) {
	m, rank := a.m, a.how.Rank
	lo, hi := split.Share(m.out, rowUnit, w, n)
	if lo < hi {
		a.isa.Gemm(kernels.SetFlush, false, true, hi-lo, rank, m.in, m.of.G[lo*m.in:hi*m.in], m.in, m.a.W, m.in, m.db[lo*rank:hi*rank], rank, a.work[w])
	}
}

// gradientA sets a share of the columns of dA = B^T dW, without the factor.
func (a *Adapted) gradientA(w, n int) {
	m, rank := a.m, a.how.Rank
	lo, hi := split.Share(m.in, rowUnit, w, n)
	if lo < hi {
		a.isa.Gemm(kernels.SetFlush, true, false, rank, hi-lo, m.out, m.b.W, rank, m.of.G[lo:], m.in, m.da[lo:], m.in, a.work[w])
	}
}

// Merge is Apply, and returns the net, which has the adapted matrices as its own weights.
// W0 is kept: a later Apply or Forward begins with it again.
func (a *Adapted) Merge() nn.Net {
	a.Apply()
	return a.net
}

// Remove sets the matrices of the net back to W0, bit for bit. Parameters of LowRank.Train
// stay as they are. A later Apply or Forward adapts them again.
func (a *Adapted) Remove() {
	for _, m := range a.matrices {
		copy(m.of.W, m.base)
	}
}

// Net returns the net that was given to Adapt.
func (a *Adapted) Net() nn.Net { return a.net }

// Dims implements nn.Net.
func (a *Adapted) Dims() (steps, batch, in, out int) { return a.net.Dims() }

// Forward is Apply, then Forward of the net.
func (a *Adapted) Forward(y, x []float32) {
	a.Apply()
	a.net.Forward(y, x)
}

// TakesIDs says whether the net is one over ids.
func (a *Adapted) TakesIDs() bool { return nn.OverIDs(a.net) != nil }

// ForwardIDs is Apply, then ForwardIDs of the net. It panics for a net that is not over
// ids.
func (a *Adapted) ForwardIDs(y []float32, ids []int32) error {
	if a == nil {
		return nilcheck.Receiver("finetune", "Adapted", "ForwardIDs")
	}
	over := nn.OverIDs(a.net)
	if over == nil {
		panic(fmt.Sprintf("finetune: ForwardIDs of an adapted %T that takes no ids, want Forward", a.net))
	}
	a.Apply()
	return over.ForwardIDs(y, ids)
}

// TakesBatches says whether the net reads whole batches.
func (a *Adapted) TakesBatches() bool { return nn.OverBatches(a.net) != nil }

// ForwardBatch is Apply, then ForwardBatch of the net. It panics for a net that does not
// read whole batches.
func (a *Adapted) ForwardBatch(y []float32, b *data.Batch) error {
	if a == nil {
		return nilcheck.Receiver("finetune", "Adapted", "ForwardBatch")
	}
	over := nn.OverBatches(a.net)
	if over == nil {
		panic(fmt.Sprintf("finetune: ForwardBatch of an adapted %T that reads no whole batches, want Forward or ForwardIDs", a.net))
	}
	a.Apply()
	return over.ForwardBatch(y, b)
}

// Backward is that of the net. It adds to the gradients of the adapters
//
//	dB += Alpha/Rank * dW A^T   dA += Alpha/Rank * B^T dW
//
// where dW is the gradient of this pass: each element one chain, ascending, multiplied by
// the factor and added, both rounded. The gradients of matrices are +0 afterwards.
func (a *Adapted) Backward(dx, dy []float32) {
	a.net.Backward(dx, dy)
	a.adapterGradients()
}

// BackwardFlushed is Backward with [nn.BackwardFlushed] of the net. Of a net that embeds a it is
// Backward of that.
func (a *Adapted) BackwardFlushed(of nn.Net, dx, dy []float32) {
	if of != nn.Net(a) {
		of.Backward(dx, dy)
		return
	}
	nn.BackwardFlushed(a.net, dx, dy)
	a.adapterGradients()
}

func (a *Adapted) adapterGradients() {
	a.sums.Run(a.team.Workers())
	for _, m := range a.matrices {
		a.run(m, a.how.Rank, a.parts.gradientB)
		a.run(m, a.how.Rank, a.parts.gradientA)
		a.isa.ScaleFlush(m.db, m.db, a.how.scale())
		a.isa.ScaleFlush(m.da, m.da, a.how.scale())
		a.isa.AddFlush(m.b.G, m.b.G, m.db)
		a.isa.AddFlush(m.a.G, m.a.G, m.da)
		clear(m.of.G)
	}
}

// ReadoutBlocks returns the net with adapters for passes over blocks of steps, if the net has
// them: see nn.OverBlocks.
func (a *Adapted) ReadoutBlocks(rows int) (nn.ReadoutBlocks, error) {
	if a == nil {
		return nil, nilcheck.Receiver("finetune", "Adapted", "ReadoutBlocks")
	}
	k, err := nn.OverBlocks(a.net, rows)
	if err != nil {
		return nil, fmt.Errorf("finetune: an adapted net: %w", err)
	}
	return &adaptedBlocks{k, a}, nil
}

// adaptedBlocks sets the matrices before each pass, and gives the adapters their gradients
// after it.
type adaptedBlocks struct {
	nn.ReadoutBlocks
	a *Adapted
}

func (k *adaptedBlocks) ForwardBatch(b *data.Batch) error {
	k.a.Apply()
	return k.ReadoutBlocks.ForwardBatch(b)
}

func (k *adaptedBlocks) Backward() {
	k.ReadoutBlocks.Backward()
	k.a.adapterGradients()
}

// ZeroGrads zeroes the gradients of the adapters and of all parameters of the net.
func (a *Adapted) ZeroGrads() {
	a.net.ZeroGrads()
	for _, m := range a.matrices {
		clear(m.a.G)
		clear(m.b.G)
	}
}

// EachParam calls f for every parameter that is trained, in the order of the net: of a
// matrix with an adapter A, then B.
func (a *Adapted) EachParam(f func(name string, w, g []float32)) {
	for _, p := range a.params {
		f(p.Name, p.W, p.G)
	}
}

// EachShape calls f for each of these parameters with its shape.
func (a *Adapted) EachShape(f func(name string, shape ...int)) {
	shapes := nn.Shapes(a.net)
	for _, m := range a.matrices {
		shapes[m.a.Name] = []int{a.how.Rank, m.in}
		shapes[m.b.Name] = []int{m.out, a.how.Rank}
	}
	for _, p := range a.params {
		f(p.Name, shapes[p.Name]...)
	}
}

// NewPredictor is Apply, then NewPredictor of the net.
func (a *Adapted) NewPredictor(batch int) (any, error) {
	if a == nil {
		return nil, nilcheck.Receiver("finetune", "Adapted", "NewPredictor")
	}
	a.Apply()
	return a.net.NewPredictor(batch)
}

// SetWorkers sets on how many workers the work may be split at most, of the net too; 0 sets no
// such limit. Each piece of work has as many as it is worth. The number changes no bit. It panics
// if n is negative.
func (a *Adapted) SetWorkers(n int) {
	a.team.Set(n)
	if w, ok := a.net.(interface{ SetWorkers(n int) }); ok {
		w.SetWorkers(a.team.Workers())
	}
}
