package self

import (
	"context"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/simdrnn/simdrnn/bench/peers/driver"
	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/lstm"
)

// modelCall returns one update of a language model, as bptt.Train makes it.
func modelCall(op string, s *driver.Settings) (func(), error) {
	T, B, E, H, L, V := s.Int("T"), s.Int("B"), s.Int("E"), s.Int("H"), s.Int("L"), s.Int("V")
	if err := s.Err(); err != nil {
		return nil, err
	}
	plan := bptt.Plan{
		Window: T, Loss: loss.CrossEntropy{},
		// Run makes one update and returns.
		OnStep: func(bptt.Progress) error { return bptt.ErrStop },
	}
	switch op {
	case "lm-adam":
		plan.Optimizer, plan.ClipNorm = &optim.Adam{LR: 1e-3}, 1
	case "lm-sgd":
		plan.Optimizer, plan.ClipNorm = &optim.SGD{LR: 1}, 5
	default:
		return nil, driver.Unsupported("no operation %s", op)
	}
	r := random()
	emb, err := nn.NewEmbedding(V, E, r)
	if err != nil {
		return nil, err
	}
	layers, err := lstm.New(lstm.Config{Input: E, Hidden: H, Layers: L}, r)
	if err != nil {
		return nil, err
	}
	out, err := nn.NewLinear(H, V, r)
	if err != nil {
		return nil, err
	}
	net, err := nn.Chain(emb, layers.Unroll(T, B), out)
	if err != nil {
		return nil, err
	}
	// A thousand windows before the text begins again.
	ids := make([]int32, 1000*T*B+B)
	for i, v := range driver.Numbers(len(ids), 0.5, 3) {
		ids[i] = min(int32((v+0.5)*float32(V)), int32(V-1))
	}
	source, err := data.NewTokens(ids, B)
	if err != nil {
		return nil, err
	}
	trainer, err := bptt.NewTrainer(net, source, plan)
	if err != nil {
		return nil, err
	}
	return func() {
		if _, err := trainer.Run(context.Background()); err != nil {
			panic(err)
		}
	}, nil
}
