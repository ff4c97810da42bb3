package nn

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/simdrnn/simdrnn/internal/draw"
	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/internal/slope"
)

// A GradientCheck says how CheckGradients works. Its zero value is a good choice for most
// nets.
type GradientCheck struct {
	// Lengths are set for the check, if they are given: one for each row, 0 to the steps of
	// the net.
	Lengths []int
	// Seed is what inputs, the state before the first step and the loss are drawn from.
	Seed uint64
	// Samples is how many elements of each tensor are looked at, drawn without repetition;
	// 0 for 16, a negative number for all.
	Samples int
	// Step is the distance h by which an element is moved, 0 for 1/16.
	Step float64
	// Tolerance is by how much a gradient may be off, relative to the largest one that was
	// seen of the same tensor; 0 for 1/100. A wrong formula is mostly off by far more, a
	// right one by 1e-4.
	Tolerance float64
}

// CheckGradients compares what Backward of a net says with central differences, for a net
// or a stage that a program adds. A stage that is Unsized is put into a chain for it:
//
//	net, err := nn.Unroll(5, 3, stage)
//	...
//	err = nn.CheckGradients(net, nn.GradientCheck{})
//
// The loss is L = sum(r*y) + sum(q*state), computed in float64, with the outputs of all
// steps of the net and its state after the last one, and numbers r and q drawn from [-1, 1).
// Inputs are drawn from there too, ids from the vocabulary, without a padding id
// (Embedding.SetPaddingID), whose vector has no gradient by intent; the state before the
// first step is what a pass over such inputs leaves. Of each parameter, of the input and of
// each tensor of the state before the first step some elements are moved by h, h/2, h/4 and
// so on to both sides. From two of the differences (L(w+h)-L(w-h))/2h follows an estimate
// whose error is of the order of h^4 (Richardson); where two estimates agree the derivative
// is known. Where none do, down to h/128, the loss has a kink nearby, as that of ReLU has,
// and the element is passed over.
//
// The error names the worst element, what Backward and what the differences say of it. It
// is an error, too, if more than half of the elements of a tensor had to be passed over,
// since nothing is known then: draw other numbers by Seed or take another Step. Outputs
// and dx past the ends of rows must be +0. An element of the state that the net refuses to
// have moved, such as a number of steps, must have the gradient 0.
//
// A net that reads whole batches, as a seq2seq.Net, cannot be checked: check its encoder, which
// is a net, and its stages.
//
// The net trains during the check: random masks are drawn, the same each time.
// Afterwards its parameters, its state, its masks and its clock are as before; gradients
// are zero, lengths are none, and it is in training.
func CheckGradients(net Net, c GradientCheck) error {
	if nilcheck.IsNil(net) {
		return errors.New("nn: CheckGradients of no net: it is nil")
	}
	if name, infer := noGradient(net); infer {
		return errNoGradient("nn: CheckGradients: ", name)
	}
	if OverBatches(net) != nil {
		return fmt.Errorf("nn: CheckGradients of a %T, which reads whole batches, with a source for instance; check the nets and stages that it is made of", net)
	}
	k := &gradientCheck{net: net, GradientCheck: c, rng: rand.New(rand.NewPCG(c.Seed, 0))}
	if k.Samples == 0 {
		k.Samples = 16
	}
	if k.Step == 0 {
		k.Step = 1. / 16
	}
	if k.Tolerance == 0 {
		k.Tolerance = 0.01
	}
	if !(k.Step > 0 && k.Step < 1e6) || !(k.Tolerance > 0 && k.Tolerance < 1e6) {
		return fmt.Errorf("nn: CheckGradients with a Step of %v and a Tolerance of %v, want numbers above 0, or 0 for 1/16 and 1/100", c.Step, c.Tolerance)
	}
	k.steps, k.batch, k.in, k.out = net.Dims()
	if k.steps*k.batch == 0 {
		return fmt.Errorf("nn: CheckGradients of a net of %d steps and %d rows, want at least 1 of each", k.steps, k.batch)
	}
	if err := net.SetLengths(c.Lengths); err != nil {
		return err
	}
	err := k.begin()
	if err == nil {
		err = k.run()
	}
	return errors.Join(err, k.end())
}

// gradientCheck is one call of CheckGradients.
type gradientCheck struct {
	GradientCheck
	net   Net
	ids   IDNet // net, if it takes ids
	rng   *rand.Rand
	masks Masked // net, if it has random masks

	steps, batch, in, out int

	saved, start, final [][]float32 // the state before the check, before each pass, and q
	seeds, clock        []uint64
	idsOf               []int32
	x, y, r             []float32
}

// A checked is a tensor whose gradient is checked.
type checked struct {
	name  string
	w, g  []float32
	state bool
}

func (k *gradientCheck) drawn(n int) []float32 {
	v := make([]float32, n)
	draw.Uniform(v, 1, k.rng)
	return v
}

// begin draws the numbers of the check.
func (k *gradientCheck) begin() error {
	n := k.steps * k.batch
	k.ids, k.masks = OverIDs(k.net), MasksOf(k.net)
	k.net.SetTraining(true)
	k.saved = k.net.State()
	if k.masks != nil {
		k.seeds, k.clock = k.masks.MaskState(), k.masks.Clock()
	}
	k.y, k.r = make([]float32, n*k.out), k.drawn(n*k.out)
	for _, s := range k.saved {
		k.start, k.final = append(k.start, make([]float32, len(s))), append(k.final, k.drawn(len(s)))
	}
	k.drawInput(n)
	if err := k.forward(); err != nil {
		return err
	}
	k.start = k.net.State()
	k.drawInput(n)
	return nil
}

func (k *gradientCheck) drawInput(n int) {
	if k.ids == nil {
		k.x = k.drawn(n * k.in)
		return
	}
	k.idsOf = make([]int32, n)
	padding, padded := paddingOf(k.net)
	for i := range k.idsOf {
		k.idsOf[i] = int32(k.rng.Uint64() % uint64(k.in))
		for padded && k.idsOf[i] == padding && k.in > 1 {
			k.idsOf[i] = int32(k.rng.Uint64() % uint64(k.in))
		}
	}
}

// paddingOf returns the padding id of the embedding that net begins with.
func paddingOf(net Net) (id int32, ok bool) {
	switch n := net.(type) {
	case *Model:
		if n.emb != nil {
			return n.emb.PaddingID()
		}
	case *LearnedState:
		return paddingOf(n.net)
	}
	return 0, false
}

// end puts the net back to what it was.
func (k *gradientCheck) end() error {
	k.net.ZeroGrads()
	err := errors.Join(k.net.SetLengths(nil), k.net.SetState(k.saved))
	if k.masks != nil {
		err = errors.Join(err, k.masks.SetMaskState(k.seeds), k.masks.SetClock(k.clock))
	}
	return err
}

// forward runs the net from the same state, clock and masks each time.
func (k *gradientCheck) forward() error {
	if err := k.net.SetState(k.start); err != nil {
		return err
	}
	if k.masks != nil {
		if err := errors.Join(k.masks.SetMaskState(k.seeds), k.masks.SetClock(k.clock)); err != nil {
			return err
		}
	}
	if k.ids != nil {
		return k.ids.ForwardIDs(k.y, k.idsOf)
	}
	k.net.Forward(k.y, k.x)
	return nil
}

// loss returns L.
func (k *gradientCheck) loss() (float64, error) {
	if err := k.forward(); err != nil {
		return 0, err
	}
	sum := dot64(k.r, k.y)
	for i, s := range k.net.State() {
		sum += dot64(k.final[i], s)
	}
	return sum, nil
}

func dot64(a, b []float32) (sum float64) {
	for i, v := range a {
		sum += float64(float64(v) * float64(b[i]))
	}
	return sum
}

// run makes the gradients and checks them.
func (k *gradientCheck) run() error {
	list, err := k.backward()
	if err != nil {
		return err
	}
	var worst deviation
	for _, c := range list {
		d, err := k.check(c)
		if err != nil {
			return err
		}
		if d.off > worst.off || d.off != d.off {
			worst = d
		}
	}
	if !(worst.off <= k.Tolerance) {
		return fmt.Errorf("nn: the gradient of %s[%d]: Backward gives %v, central differences %.6g; it is off by %.2g of the largest one of %s, want at most %v",
			worst.name, worst.at, worst.got, worst.want, worst.off, worst.name, k.Tolerance)
	}
	return nil
}

// backward returns the tensors with their gradients by Backward.
func (k *gradientCheck) backward() ([]checked, error) {
	if err := k.forward(); err != nil {
		return nil, err
	}
	if err := k.mustBePadded("y", k.y, k.out); err != nil {
		return nil, err
	}
	k.net.ZeroGrads()
	if err := k.net.SetStateGrad(k.final); err != nil {
		return nil, err
	}
	var dx []float32
	if k.ids == nil {
		dx = make([]float32, len(k.x))
	}
	k.net.Backward(dx, k.r)
	if err := k.mustBePadded("dx", dx, k.in); err != nil {
		return nil, err
	}
	params, sums, err := Trained(k.net)
	if err != nil {
		return nil, err
	}
	sums.Run(0)
	var list []checked
	for _, p := range params {
		list = append(list, checked{p.Name, p.W, slices.Clone(p.G), false})
	}
	if dx != nil {
		list = append(list, checked{"x", k.x, dx, false})
	}
	for i, g := range k.net.StateGrad() {
		list = append(list, checked{fmt.Sprintf("the state before the first step, tensor %d", i), k.start[i], g, true})
	}
	return list, nil
}

// mustBePadded returns an error if v is not +0 past the ends of rows.
func (k *gradientCheck) mustBePadded(name string, v []float32, width int) error {
	for i, e := range v {
		p := i / width
		if padded(k.Lengths, p, k.batch) && math.Float32bits(e) != 0 {
			return fmt.Errorf("nn: %s at step %d of row %d, past the end of the row, is %v, want +0; ClearPadding of a Stateless sets it", name, p/k.batch, p%k.batch, e)
		}
	}
	return nil
}

// deviation is the element whose gradient is off the most.
type deviation struct {
	name string
	at   int
	got  float32
	want float64
	off  float64 // relative to the largest gradient of the tensor
}

// check compares elements of one tensor.
func (k *gradientCheck) check(c checked) (deviation, error) {
	at := k.sample(len(c.w))
	wants, unsure := make([]float64, len(at)), make([]float64, len(at))
	largest := 0.0
	for i, j := range at {
		var err error
		if wants[i], unsure[i], err = k.difference(&c.w[j], k.Step); err != nil && !(c.state && c.g[j] == 0) {
			return deviation{}, fmt.Errorf("nn: CheckGradients moves %s[%d]: %w", c.name, j, err)
		}
		for _, v := range []float64{math.Abs(float64(c.g[j])), math.Abs(wants[i])} {
			if v > largest { // a NaN is not
				largest = v
			}
		}
	}
	worst, passed := deviation{name: c.name}, 0
	for i, j := range at {
		// Rounding of y shows in differences of gradients that are all but zero.
		scale := max(largest, 1e-3)
		if unsure[i] > k.Tolerance*scale {
			passed++
			continue
		}
		off := math.Abs(float64(c.g[j])-wants[i]) / scale
		if off > k.Tolerance {
			// A kink next to the element makes the differences by all steps alike, but not
			// those by much smaller ones.
			if d, unsure, err := k.difference(&c.w[j], k.Step/64); err == nil && unsure <= k.Tolerance*scale {
				wants[i], off = d, math.Abs(float64(c.g[j])-d)/scale
			}
		}
		if off > worst.off || off != off {
			worst.at, worst.got, worst.want, worst.off = j, c.g[j], wants[i], off
		}
	}
	if 2*passed > len(at) {
		return worst, fmt.Errorf("nn: of %d elements of %s that were looked at, %d lie at kinks or change the loss too much within a step of %v for a gradient to be told; take another Step or Seed", len(at), c.name, passed, k.Step)
	}
	return worst, nil
}

// sample returns the elements to look at, of n.
func (k *gradientCheck) sample(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	if k.Samples < 0 || k.Samples >= n {
		return all
	}
	for i := range k.Samples {
		j := i + int(k.rng.Uint64()%uint64(n-i))
		all[i], all[j] = all[j], all[i]
	}
	return all[:k.Samples]
}

// difference returns the derivative by *w, and by how much two estimates of it differ. The
// largest step is the given one.
func (k *gradientCheck) difference(w *float32, step float64) (d, unsure float64, err error) {
	return slope.Of(w, step, k.Tolerance, k.loss)
}
