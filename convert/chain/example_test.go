package chain_test

import (
	"bytes"
	"fmt"
	"log"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/convert/chain"
	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
)

// network is an embedding, a layer and a readout.
func network() []nn.Stage {
	r := rand.New(rand.NewPCG(1, 2))
	emb, _ := nn.NewEmbedding(10, 4, r)
	layer, _ := lstm.New(lstm.Config{Input: 4, Hidden: 8}, r)
	out, _ := nn.NewLinear(8, 10, r)
	return []nn.Stage{emb, layer.Unroll(5, 2), out}
}

func Example() {
	model, err := nn.Chain(network()...)
	if err != nil {
		log.Fatal(err)
	}
	var file bytes.Buffer // chain.WriteFile and chain.Open do it with a file
	if err := chain.Write(&file, map[string]string{"text": "Opticks"}, model); err != nil {
		log.Fatal(err)
	}
	f, err := safetensors.New(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		log.Fatal(err)
	}
	c, err := chain.Load(f)
	if err != nil {
		log.Fatal(err)
	}
	again, err := c.Infer(1, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c, nn.Fingerprint(again) == nn.Fingerprint(model))
	// Output: a chain of 3 stages true
}

func ExampleDescribe() {
	d, err := chain.Describe(network()...)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(d)
	// Output: {"version":1,"stages":[{"kind":"embedding","vocabulary":10,"dim":4},{"kind":"lstm","config":{"CandidateActivation":{"function":"Tanh"},"GateActivation":{"function":"Sigmoid"},"Hidden":8,"Input":4,"Layers":1,"OutputActivation":{"function":"Tanh"}}},{"kind":"linear","in":8,"out":10,"bias":true}]}
}

func ExampleError() {
	_, err := chain.Describe(network()[0], nil)
	fmt.Println(err)
	// Output: chain: stage 1: it is nil
}

// The weights of a net that has a chain's parameters under the chain's names: a file
// without a description, an .npz, another net.
func ExampleTensors() {
	stages := network()
	d, err := chain.Describe(stages...)
	if err != nil {
		log.Fatal(err)
	}
	var file bytes.Buffer
	if err := chain.Write(&file, nil, stages...); err != nil {
		log.Fatal(err)
	}
	f, err := safetensors.New(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		log.Fatal(err)
	}
	var from chain.Tensors = f
	c, err := chain.LoadTensors(d, from)
	fmt.Println(c, err)
	// Output: a chain of 3 stages <nil>
}

func ExampleChain() {
	var file bytes.Buffer
	if err := chain.Write(&file, nil, network()...); err != nil {
		log.Fatal(err)
	}
	f, err := safetensors.New(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		log.Fatal(err)
	}
	c, err := chain.Load(f)
	if err != nil {
		log.Fatal(err)
	}
	trained, err := c.Unroll(20, 8) // for bptt.Train
	if err != nil {
		log.Fatal(err)
	}
	used, err := c.Infer(1, 1) // over the same weights
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(trained.Stages()), used.TakesIDs())
	// Output: 3 true
}
