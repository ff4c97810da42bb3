package finetune_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/finetune"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// model is a network over bytes with that many outputs.
func model(outputs int, seed uint64) *nn.Model {
	r := rand.New(rand.NewPCG(seed, 2))
	emb, _ := nn.NewEmbedding(256, 8, r)
	rnn, _ := lstm.New(lstm.Config{Input: 8, Hidden: 16}, r)
	out, _ := nn.NewLinear(16, outputs, r)
	net, _ := nn.Chain(emb, rnn.Unroll(8, 2), out)
	return net
}

// A trained network gets another readout. Its other parameters come by their names.
func Example() {
	trained, net := model(256, 1), model(3, 2)
	from, _ := finetune.FromNet(trained)
	report, err := finetune.Load(net, from, finetune.Options{Partial: true})
	fmt.Println(report)
	fmt.Println(err)
	// Output:
	// matched: 0.weight, 1.weight_ih_l0, 1.weight_hh_l0, 1.bias_ih_l0, 1.bias_hh_l0
	// of another shape: 2.weight, 2.bias
	// <nil>
}

// Adapters of rank 4 on the matrices of the LSTM, trained on another text.
func ExampleAdapt() {
	net := model(256, 1)
	adapted, _ := finetune.Adapt(net, finetune.LowRank{
		Match: []string{"1.weight_*"}, Train: []string{"2.bias"}, Rank: 4, Alpha: 8,
	}, rand.New(rand.NewPCG(3, 4)))
	text, _ := data.NewText([]byte(strings.Repeat("another text. ", 40)), 2)
	report, err := bptt.Train(context.Background(), adapted, text, bptt.Plan{
		Window: 8, Steps: 200, Optimizer: &optim.Adam{LR: 1e-2}, Loss: loss.CrossEntropy{},
	})
	fmt.Println(report.Loss < 4, err)
	adapted.Merge() // net has the adapted matrices
	// Output: true <nil>
}

func ExampleLowRank() {
	adapted, err := finetune.Adapt(model(256, 1), finetune.LowRank{Match: []string{"1.weight_hh_*"}, Rank: 2}, rand.New(rand.NewPCG(3, 4)))
	adapted.EachShape(func(name string, shape ...int) { fmt.Println(name, shape) })
	fmt.Println(err)
	// Output:
	// 1.weight_hh_l0.lora_A [2 16]
	// 1.weight_hh_l0.lora_B [64 2]
	// <nil>
}

func ExampleAdapted() {
	dir, _ := os.MkdirTemp("", "adapters")
	defer os.RemoveAll(dir)
	how := finetune.LowRank{Match: []string{"1.weight_hh_*"}, Rank: 2}
	adapted, _ := finetune.Adapt(model(256, 1), how, rand.New(rand.NewPCG(3, 4)))
	name := filepath.Join(dir, "adapters.safetensors")
	fmt.Println(adapted.SaveFile(name))

	same, _ := finetune.Adapt(model(256, 1), how, rand.New(rand.NewPCG(5, 6)))
	fmt.Println(same.LoadFile(name), nn.Fingerprint(same) == nn.Fingerprint(adapted))
	// Output:
	// <nil>
	// <nil> true
}

// Parameters of a file by other names: those of an encoder without its prefix.
func ExampleOptions() {
	dir, _ := os.MkdirTemp("", "net")
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "net.safetensors")
	_ = finetune.SaveFile(name, model(256, 1), nil)
	f, _ := safetensors.Open(name)
	defer f.Close()
	layer, _ := lstm.NewZero(lstm.Config{Input: 8, Hidden: 16})
	report, err := finetune.Load(layer.Unroll(1, 1), f, finetune.Options{Rename: func(p string) string { return "1." + p }})
	fmt.Println(len(report.Matched), err)
	// Output: 4 <nil>
}

func ExampleReport() {
	r := finetune.Report{Matched: []string{"0.weight"}, Missing: []string{"1.weight"}}
	fmt.Print(r)
	// Output:
	// matched: 0.weight
	// missing: 1.weight
}

func ExampleTensors() {
	var t finetune.Tensors
	t, err := finetune.FromNet(model(256, 1))
	shape, found, _ := t.Shape("0.weight")
	fmt.Println(shape, found, err)
	// Output: [256 8] true <nil>
}
