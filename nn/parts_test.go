package nn_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/nn"
)

// A chain, an Unrolled, a learned state and an activation say what they were made of: who
// writes them to a file of another library asks.
func TestWhatNetsAreMadeOf(t *testing.T) {
	layer, err := gru.New(gru.Config{Input: 2, Hidden: 3}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	u := layer.Unroll(2, 1)
	if u.Layer() != layer {
		t.Error("the Unrolled has another Layer")
	}
	learned, err := nn.NewLearnedState(u)
	if err != nil {
		t.Fatal(err)
	}
	if learned.Net() != nn.Net(u) {
		t.Error("the LearnedState has another Net")
	}
	stages := []nn.Stage{learned, nn.ELU(0.5), nn.Dropout{P: 0.25}}
	m, err := nn.Chain(stages...)
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(stages)
	stages[1] = nn.ReLU // the chain has a list of its own
	got := m.Stages()
	if !slices.Equal(got, want) {
		t.Errorf("the stages are %v, want %v", got, want)
	}
	got[0] = nil
	if m.Stages()[0] == nil {
		t.Error("Stages returns the list of the chain, not a copy")
	}
	if name, p := nn.ELU(0.5).ONNX(); name != "Elu" || !slices.Equal(p, []float32{0.5}) {
		t.Errorf("ONNX has %s with %v", name, p)
	}
	if name, p := (nn.Activation{}).ONNX(); name != "" || len(p) > 0 {
		t.Errorf("the zero Activation is %s with %v", name, p)
	}
}
