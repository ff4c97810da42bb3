package optim_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/optim"
)

// A loop of a program's own: the gradient of (w-3)^2, and Adam with a rate that decays.
func Example() {
	p := traintest.OneParam(0, 0)
	o := &optim.Adam{LR: 0.5}
	if err := o.Init(p); err != nil {
		fmt.Println(err)
		return
	}
	schedule := optim.StepDecay{Every: 20, Factor: 0.5}
	for step := range int64(100) {
		p[0].G[0] = 2 * (p[0].W[0] - 3)
		if err := o.Update(schedule.Rate(step)); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Printf("%.1f\n", p[0].W)
	// Output: [3.0]
}

// A RateError comes before the update that it is about.
func ExampleRateError() {
	net, source := traintest.Tiny()
	_, err := bptt.Train(context.Background(), net, source, bptt.Plan{
		Window: 8, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 1e-3}, Schedule: optim.StepDecay{Every: 1, Factor: 1e100},
	})
	var rate *optim.RateError
	fmt.Println(errors.As(err, &rate), rate.Step, rate.LR, rate.Factor)
	// Output: true 2 0.001 1e+100
}

func ExampleSGD() {
	p := traintest.OneParam(1, 0.5)
	o := &optim.SGD{LR: 0.5, Momentum: 0.5}
	_ = o.Init(p)
	_ = o.Update(1) // v = 0.5
	_ = o.Update(1) // v = 0.75
	fmt.Println(p[0].W)
	// Output: [0.375]
}

func ExampleAdam() {
	p := traintest.OneParam(1, 0.5)
	o := &optim.Adam{LR: 0.25} // betas 0.9 and 0.999, epsilon 1e-8
	_ = o.Init(p)
	_ = o.Update(1) // the first step is LR in the direction of the gradient
	fmt.Printf("%.5f\n", p[0].W)
	// Output: [0.75000]
}

func ExampleAdamW() {
	p := traintest.OneParam(1, 0)
	o := &optim.AdamW{LR: 0.25, WeightDecay: 0.5}
	_ = o.Init(p)
	_ = o.Update(1) // without a gradient only the decay is left
	fmt.Println(p[0].W)
	// Output: [0.875]
}

// With AMSGrad the divisor remembers the largest gradient.
func ExampleAdam_amsgrad() {
	for _, amsgrad := range []bool{false, true} {
		p := traintest.OneParam(0, 100)
		o := &optim.Adam{LR: 0.1, Beta1: 1e-300, Beta2: 0.5, AMSGrad: amsgrad}
		_ = o.Init(p)
		_ = o.Update(1)
		p[0].W[0], p[0].G[0] = 0, 1
		for range 20 {
			_ = o.Update(1)
		}
		fmt.Printf("%.2f\n", p[0].W)
	}
	// Output:
	// [-1.02]
	// [-0.03]
}

func ExampleRMSProp() {
	p := traintest.OneParam(1, 0.5)
	o := &optim.RMSProp{LR: 0.1, Alpha: 0.75} // epsilon 1e-8
	_ = o.Init(p)
	_ = o.Update(1) // the mean of squares is a quarter of the first square
	fmt.Printf("%.5f\n", p[0].W)
	// Output: [0.80000]
}

func ExampleAdagrad() {
	p := traintest.OneParam(1, 0.5)
	o := &optim.Adagrad{LR: 0.25}
	_ = o.Init(p)
	for range 4 { // steps of LR, LR/sqrt(2), LR/sqrt(3), LR/2
		_ = o.Update(1)
		fmt.Printf("%.4f ", p[0].W)
	}
	// Output: [0.7500] [0.5732] [0.4289] [0.3039]
}

func ExampleASGD() {
	p := traintest.OneParam(0, -1)
	o := &optim.ASGD{LR: 1}
	_ = o.Init(p)
	for range 4 {
		_ = o.Update(1) // 1, 2, 3, 4
	}
	fmt.Println(p[0].W)
	_ = o.Average(func() error {
		fmt.Println(p[0].W) // the mean of 2, 3 and 4: evaluate here
		return nil
	})
	fmt.Println(p[0].W)
	// Output:
	// [4]
	// [3]
	// [4]
}

// The embedding stays, biases do not decay, the readout learns faster.
func ExampleGroups() {
	net, source := traintest.Tiny() // stages 0: Embedding, 1: LSTM, 2: Linear
	o := &optim.Groups{List: []optim.Group{
		{Params: []string{"0.weight"}, Frozen: true},
		{Params: []string{"1.bias_*"}, Optimizer: &optim.AdamW{LR: 1e-3}},
		{Params: []string{"2.*"}, Optimizer: &optim.AdamW{LR: 1e-2, WeightDecay: 0.1}},
		{Optimizer: &optim.AdamW{LR: 1e-3, WeightDecay: 0.1}}, // the rest
	}}
	_, err := bptt.Train(context.Background(), net, source, bptt.Plan{Window: 8, Steps: 3, Loss: loss.CrossEntropy{}, Optimizer: o})
	fmt.Println(err, o.Frozen("0.weight"), o.Frozen("2.weight"))
	// Output: <nil> true false
}

// Gradual unfreezing: the lower layer begins one update later.
func ExampleGroup() {
	p := append(traintest.OneParam(1, 0.5), traintest.OneParam(1, 0.5)...)
	p[0].Name, p[1].Name = "lower", "upper"
	o := &optim.Groups{List: []optim.Group{
		{Params: []string{"upper"}, Optimizer: &optim.SGD{LR: 0.25}},
		{Params: []string{"lower"}, Optimizer: &optim.SGD{LR: 0.25}, From: 1},
	}}
	_ = o.Init(p)
	_ = o.Update(1)
	fmt.Println(p[0].W, p[1].W)
	_ = o.Update(1)
	fmt.Println(p[0].W, p[1].W)
	// Output:
	// [1] [0.875]
	// [0.875] [0.75]
}

func ExampleOptimizer() {
	for _, o := range []optim.Optimizer{&optim.SGD{LR: 0.1}, &optim.Adam{LR: 1e-3}, &optim.SGD{}} {
		fmt.Println(o.LearningRate(), o.Init(traintest.OneParam(1, 1)))
	}
	// Output:
	// 0.1 <nil>
	// 0.001 <nil>
	// 0 optim: SGD with learning rate 0, want more than 0 and finite
}

func ExampleState() {
	o := &optim.Adam{LR: 1e-3}
	_ = o.Init(traintest.OneParam(1, 1))
	_ = o.Update(1)
	s := o.State()
	fmt.Println(s.Kind, s.Numbers, len(s.Tensors))
	// Output: adam-root [1 0.9 0.999] 2
}

func ExampleSchedule() {
	for _, s := range []optim.Schedule{optim.Constant{}, optim.StepDecay{Every: 10, Factor: 0.5}, optim.WarmupCosine{Warmup: 20, Total: 100}} {
		fmt.Println(s.Rate(0), s.Rate(10), s.Rate(60))
	}
	// Output:
	// 1 1 1
	// 1 0.5 0.015625
	// 0.05 0.55 0.5
}

func ExampleConstant() {
	fmt.Println(optim.Constant{}.Rate(1000))
	// Output: 1
}

func ExampleStepDecay() {
	s := optim.StepDecay{Every: 1000, Factor: 0.5}
	fmt.Println(s.Rate(999), s.Rate(1000), s.Rate(2000))
	// Output: 1 0.5 0.25
}

func ExampleWarmupCosine() {
	s := optim.WarmupCosine{Warmup: 10, Total: 110, Floor: 0.1}
	fmt.Println(s.Rate(0), s.Rate(9), s.Rate(500))
	// Output: 0.1 1 0.1
}

// Zaremba's small model: four epochs at the full rate, then half of it in each.
func ExampleEpochDecay() {
	s := optim.EpochDecay{After: 4, Factor: 0.5}
	for epoch := range int64(7) {
		fmt.Print(s.RateAt(0, epoch), " ")
	}
	// Output: 1 1 1 1 0.5 0.25 0.125
}

func ExampleExponential() {
	s := optim.Exponential{Every: 1000, Factor: 0.25}
	fmt.Println(s.Rate(0), s.Rate(500), s.Rate(1000), s.Rate(2000))
	// Output: 1 0.5 0.25 0.0625
}

func ExampleOneCycle() {
	s := optim.OneCycle{Total: 101, Rise: 0.5, Start: 10, End: 10}
	fmt.Printf("%.3f %.3f %.3f\n", s.Rate(0), s.Rate(50), s.Rate(100))
	// Output: 0.100 1.000 0.010
}

func ExamplePlateau() {
	s := &optim.Plateau{Factor: 0.5, Patience: 1}
	for _, loss := range []float64{3, 2, 2.1, 2.2, 1.9} {
		s.Observe(loss)
		fmt.Print(s.Rate(0), " ")
	}
	// Output: 1 1 1 0.5 0.5
}

// An Observer is told validation losses: by the Trainer, or by a program of its own.
func ExampleObserver() {
	var s optim.Schedule = &optim.Plateau{Factor: 0.1}
	if o, ok := s.(optim.Observer); ok {
		o.Observe(1.5)
		o.Observe(1.6)
	}
	fmt.Println(s.Rate(100))
	// Output: 0.1
}

// RateAt asks a schedule of either kind.
func ExampleEpochSchedule() {
	for _, s := range []optim.Schedule{nil, optim.Constant{}, optim.EpochDecay{After: 2, Factor: 0.5}} {
		fmt.Println(optim.RateAt(s, 300, 3))
	}
	// Output:
	// 1
	// 1
	// 0.25
}

// The Trainer leaves the gradients out of the norm that an update will not follow.
func ExampleFreezer() {
	p := append(traintest.OneParam(1, 0.5), traintest.OneParam(1, 0.5)...)
	p[0].Name, p[1].Name = "lower", "upper"
	o := &optim.Groups{List: []optim.Group{
		{Params: []string{"lower"}, Optimizer: &optim.SGD{LR: 0.25}, From: 1},
		{Optimizer: &optim.SGD{LR: 0.25}},
	}}
	_ = o.Init(p)
	var freezer optim.Freezer = o
	for range 2 {
		fmt.Println(freezer.Frozen("lower"), freezer.Frozen("upper"))
		_ = o.Update(1)
	}
	// Output:
	// true false
	// false false
}

// What a checkpoint keeps of the learning rate that a program has changed.
func ExampleRateKeeper() {
	adam := &optim.Adam{LR: 1e-3}
	adam.LR /= 2
	var keeper optim.RateKeeper = adam
	rates := keeper.Rates()

	resumed := &optim.Adam{LR: 1e-3}
	fmt.Println(resumed.SetRates(rates), resumed.LR)
	fmt.Println(resumed.SetRates([]float64{-1}))
	// Output:
	// <nil> 0.0005
	// optim: Adam with learning rate -1, want more than 0 and finite
}
