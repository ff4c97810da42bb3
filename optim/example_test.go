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
