package optim_test

import (
	"fmt"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// BenchmarkUpdate is one step of an optimizer over as many numbers as a character model and a
// small word model have. Speed is in weights.
func BenchmarkUpdate(b *testing.B) {
	for name, o := range map[string]optim.Optimizer{
		"SGD": &optim.SGD{LR: 0.1}, "momentum": &optim.SGD{LR: 0.1, Momentum: 0.9}, "Adam": &optim.Adam{LR: 1e-3},
		"AMSGrad": &optim.Adam{LR: 1e-3, AMSGrad: true}, "AdamW": &optim.AdamW{LR: 1e-3, WeightDecay: 0.01},
		"RMSProp": &optim.RMSProp{LR: 1e-3}, "Adagrad": &optim.Adagrad{LR: 0.1}, "ASGD": &optim.ASGD{LR: 0.1},
	} {
		for _, n := range []int{400_000, 4_600_000} {
			b.Run(fmt.Sprintf("%s/n=%d", name, n), func(b *testing.B) {
				p := nn.Param{Name: "w", W: traintest.NumbersLike(n, 1), G: traintest.NumbersLike(n, 2)}
				if err := o.Init([]nn.Param{p}); err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(4 * n))
				for b.Loop() {
					if err := o.Update(1); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
