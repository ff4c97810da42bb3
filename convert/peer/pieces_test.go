package peer

import (
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"strings"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/finetune"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/onnx"
)

// The Go pieces of the pages of docs/interchange, in their order, as they stand there:
// TestPagesAreWhatRuns compares them.

func fromPyTorch() error {
	f, err := safetensors.Open("model.safetensors")
	if err != nil {
		return err
	}
	defer f.Close()
	layers, err := convert.Inspect(f) // what there is: "rnn.": LSTM, input 8, hidden 12, layers 2, bidirectional
	if err != nil {
		return err
	}
	log.Println(layers)
	rnn, report, err := convert.LoadLSTM(f, "rnn.")
	if err != nil {
		return err
	}
	log.Println(len(report.Matched), "tensors")

	const steps, rows = 6, 3
	embed, err := nn.NewZeroEmbedding(20, 8)
	if err != nil {
		return err
	}
	head, err := nn.NewZeroLinear(24, 5)
	if err != nil {
		return err
	}
	model, err := nn.Chain(embed, rnn.Infer(steps, rows), head)
	if err != nil {
		return err
	}
	// The chain calls its parameters 0.weight, 1.weight_ih_l0 and so on.
	names := strings.NewReplacer("0.", "embed.", "1.", "rnn.", "2.", "head.")
	loaded, err := finetune.Load(model, f, finetune.Options{Rename: names.Replace})
	if err != nil {
		return err // with the names that are missing
	}
	log.Println(len(loaded.Matched), "of the model")

	check, err := safetensors.Open("check.safetensors")
	if err != nil {
		return err
	}
	defer check.Close()
	given, err := check.Float32("ids")
	if err != nil {
		return err
	}
	want, err := check.Float32("logits") // [B][T][5]
	if err != nil {
		return err
	}
	ids := make([]int32, steps*rows)
	for t := range steps {
		for b := range rows {
			ids[t*rows+b] = int32(given[b*steps+t])
		}
	}
	logits := make([]float32, steps*rows*5) // [T][B][5]
	if err := model.ForwardIDs(logits, ids); err != nil {
		return err
	}
	for t := range steps {
		for b := range rows {
			for k := range 5 {
				got, want := logits[(t*rows+b)*5+k], want[(b*steps+t)*5+k]
				if math.Abs(float64(got-want)) > 1e-5 {
					return fmt.Errorf("step %d, row %d: %v, PyTorch has %v", t, b, got, want)
				}
			}
		}
	}

	tensors, err := convert.ToSafetensors(rnn, "rnn.")
	if err != nil {
		return err // a Config that PyTorch has no layer for
	}
	if err := safetensors.WriteFile("back.safetensors", map[string]string{"format": "pt"}, tensors...); err != nil {
		return err
	}
	return nil
}

func fromKeras() error {
	f, err := safetensors.Open("model.safetensors")
	if err != nil {
		return err
	}
	defer f.Close()
	layers, err := convert.InspectKeras(f) // "low": GRU, input 4, hidden 8, layers 1 and so on
	if err != nil {
		return err
	}
	log.Println(layers)
	stack, _, err := convert.LoadKerasGRU(f, "low", "high") // one network of two layers
	if err != nil {
		return err
	}
	both, _, err := convert.LoadKerasLSTM(f, "both")
	if err != nil {
		return err
	}

	// A Dense layer: kernel is [in][out], the Weight of a Linear [out][in].
	kernel, err := f.Float32("head/kernel")
	if err != nil {
		return err
	}
	bias, err := f.Float32("head/bias")
	if err != nil {
		return err
	}
	head, err := nn.NewZeroLinear(6, 2)
	if err != nil {
		return err
	}
	for in := range 6 {
		for out := range 2 {
			head.Weight[out*6+in] = kernel[in*2+out]
		}
	}
	copy(head.Bias, bias)

	const steps, rows = 5, 3
	model, err := nn.Chain(stack.Infer(steps, rows), both.Infer(steps, rows), head)
	if err != nil {
		return err
	}

	check, err := safetensors.Open("check.safetensors")
	if err != nil {
		return err
	}
	defer check.Close()
	given, err := check.Float32("x")
	if err != nil {
		return err
	}
	want, err := check.Float32("y")
	if err != nil {
		return err
	}
	x, y := make([]float32, steps*rows*4), make([]float32, steps*rows*2)
	for t := range steps {
		for b := range rows {
			copy(x[(t*rows+b)*4:][:4], given[(b*steps+t)*4:])
		}
	}
	model.Forward(y, x)
	for t := range steps {
		for b := range rows {
			for k := range 2 {
				got, want := y[(t*rows+b)*2+k], want[(b*steps+t)*2+k]
				if math.Abs(float64(got-want)) > 1e-5 {
					return fmt.Errorf("step %d, row %d: %v, Keras has %v", t, b, got, want)
				}
			}
		}
	}

	high, err := convert.ToKerasLayers(stack, "low", "high") // a name for each layer
	if err != nil {
		return err // a Config that Keras has no layer for
	}
	low, err := convert.ToKerasLayers(both, "both")
	if err != nil {
		return err
	}
	metadata, tensors, err := convert.ToKerasFile(append(high, low...)...)
	if err != nil {
		return err
	}
	if err := safetensors.WriteFile("back.safetensors", metadata, tensors...); err != nil {
		return err
	}
	return nil
}

func fromONNX() error {
	net, err := onnx.Open("model.onnx", onnx.Options{})
	if err != nil {
		return err // a *onnx.NodeError names the node that no network here has
	}
	for _, p := range net.Inputs {
		log.Println(p.Name, p.Use, p.Shape) // ids, data, [batch time]
	}
	check, err := safetensors.Open("check.safetensors")
	if err != nil {
		return err
	}
	defer check.Close()
	given, err := check.Float32("ids")
	if err != nil {
		return err
	}
	want, err := check.Float32("scores")
	if err != nil {
		return err
	}
	const steps, rows = 6, 3
	ids := onnx.Tensor{Shape: []int{rows, steps}}
	for _, id := range given {
		ids.Integers = append(ids.Integers, int64(id))
	}
	outputs, err := net.Run(map[string]onnx.Tensor{"ids": ids})
	if err != nil {
		return err
	}
	for i, got := range outputs["scores"].Floats {
		if math.Abs(float64(got-want[i])) > 1e-5 {
			return fmt.Errorf("score %d: %v, PyTorch has %v", i, got, want[i])
		}
	}

	model, err := nn.Infer(steps, rows, net.Stages...) // nn.Unroll, to train it further
	if err != nil {
		return err
	}
	p, err := model.Predictor(rows) // one step at a time, with the state of each row
	if err != nil {
		return err
	}
	scores := make([]float32, rows*5)
	for t := range steps {
		step := make([]int32, rows)
		for b := range rows {
			step[b] = int32(ids.Integers[b*steps+t])
		}
		if err := p.StepIDs(scores, step); err != nil {
			return err
		}
		for i, got := range scores {
			b, k := i/5, i%5
			if want := want[(b*steps+t)*5+k]; math.Abs(float64(got-want)) > 1e-5 {
				return fmt.Errorf("step %d, row %d: %v, PyTorch has %v", t, b, got, want)
			}
		}
	}

	translator, err := onnx.Open("translator.onnx", onnx.Options{})
	if err != nil {
		return err
	}
	pair, err := safetensors.Open("translator.safetensors")
	if err != nil {
		return err
	}
	defer pair.Close()
	var read [2][]int32 // what encoder and decoder read, [time][batch]
	for i, name := range []string{"source", "target"} {
		given, err := pair.Float32(name)
		if err != nil {
			return err
		}
		read[i] = make([]int32, len(given))
		for k, id := range given {
			read[i][k%steps*rows+k/steps] = int32(id)
		}
	}
	encoder, err := nn.Infer(steps, rows, translator.Encoder.Stages...)
	if err != nil {
		return err
	}
	if err := encoder.ForwardIDs(make([]float32, steps*rows*12), read[0]); err != nil {
		return err
	}
	decoder, err := nn.Infer(steps, rows, translator.Stages...)
	if err != nil {
		return err
	}
	state := decoder.State()
	if err := translator.Begin(state, encoder.State(), rows); err != nil {
		return err
	}
	if err := decoder.SetState(state); err != nil {
		return err
	}
	y := make([]float32, steps*rows*9)
	if err := decoder.ForwardIDs(y, read[1]); err != nil {
		return err
	}
	expected, err := pair.Float32("scores")
	if err != nil {
		return err
	}
	for i, got := range y {
		t, b, k := i/9/rows, i/9%rows, i%9
		if want := expected[(b*steps+t)*9+k]; math.Abs(float64(got-want)) > 1e-5 {
			return fmt.Errorf("decoder, step %d, row %d: %v, PyTorch has %v", t, b, got, want)
		}
	}
	return nil
}

func toONNXRuntime() error {
	r := rand.New(rand.NewPCG(1, 2))
	layers, err := lstm.New(lstm.Config{Input: 4, Hidden: 8, Layers: 2}, r)
	if err != nil {
		return err
	}
	head, err := nn.NewLinear(8, 3, r)
	if err != nil {
		return err
	}
	const steps, rows = 6, 2
	model, err := nn.Chain(layers.Infer(steps, rows), head) // a trained one, in a program
	if err != nil {
		return err
	}
	f, err := os.Create("model.onnx")
	if err != nil {
		return err
	}
	if err := onnx.Export(f, onnx.ExportOptions{}, model); err != nil {
		return err // a *onnx.ExportError names the stage and the field that ONNX has not
	}
	if err := f.Close(); err != nil {
		return err
	}

	x, y := make([]float32, steps*rows*4), make([]float32, steps*rows*3)
	for i := range x {
		x[i] = 2*r.Float32() - 1
	}
	model.Forward(y, x)
	err = safetensors.WriteFile("check.safetensors", nil,
		safetensors.Tensor{Name: "x", Shape: []int{steps, rows, 4}, Data: x},
		safetensors.Tensor{Name: "y", Shape: []int{steps, rows, 3}, Data: y})
	if err != nil {
		return err
	}
	return nil
}
