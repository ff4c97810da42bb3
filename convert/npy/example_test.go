package npy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/convert/npy"
	"github.com/simdrnn/simdrnn/lstm"
)

// saved is a folder with a data set as np.save writes it: x.npy, [N][T][I] float32, and
// labels.npy, [N] int32. Label 1 is that of a sequence whose first input is positive.
func saved() (dir string, err error) {
	const n, steps, width = 16, 6, 2
	r := rand.New(rand.NewPCG(1, 2))
	x, labels := make([]float32, n*steps*width), make([]int32, n)
	for i := range x {
		x[i] = r.Float32()*2 - 1
	}
	for i := range labels {
		if x[i*steps*width] > 0 {
			labels[i] = 1
		}
	}
	if dir, err = os.MkdirTemp("", "npy"); err != nil {
		return "", err
	}
	return dir, errors.Join(
		npy.WriteFile(filepath.Join(dir, "x.npy"), npy.Array{Shape: []int{n, steps, width}, Float32: x}),
		npy.WriteFile(filepath.Join(dir, "labels.npy"), npy.Array{Shape: []int{n}, Int32: labels}))
}

// A data set that Python saved, np.save("x.npy", x) and np.save("labels.npy", labels),
// trains a classifier.
func Example() {
	dir, err := saved()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	xs, err := npy.Open(filepath.Join(dir, "x.npy"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer xs.Close()
	ys, err := npy.Open(filepath.Join(dir, "labels.npy"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ys.Close()
	x, err := xs.Float32()
	if err != nil {
		fmt.Println(err)
		return
	}
	labels, err := ys.Int32() // from int64 as well, if each fits
	if err != nil {
		fmt.Println(err)
		return
	}
	shape := xs.Info().Shape
	if len(shape) != 3 || shape[0] != len(labels) {
		fmt.Println("want x of [N][T][I] and N labels", shape, len(labels))
		return
	}
	n, steps, width := shape[0], shape[1], shape[2]

	seqs := make([]data.Sequence, n)
	for i := range seqs {
		targets := make([]int32, steps)
		for t := range targets {
			targets[t] = -1 // only the last step counts
		}
		targets[steps-1] = labels[i]
		seqs[i] = data.Sequence{X: x[i*steps*width : (i+1)*steps*width], Targets: targets}
	}
	source, err := data.NewSequences(seqs, 4, rand.NewPCG(3, 4))
	if err != nil {
		fmt.Println(err)
		return
	}
	r := rand.New(rand.NewPCG(5, 6))
	layer, err := lstm.New(lstm.Config{Input: width, Hidden: 12}, r)
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := nn.NewLinear(12, 2, r)
	if err != nil {
		fmt.Println(err)
		return
	}
	net, err := nn.Chain(layer.Unroll(steps, 4), out)
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := bptt.Train(context.Background(), net, source, bptt.Plan{
		Steps: 400, ClipNorm: 1, Optimizer: &optim.Adam{LR: 1e-2}, Loss: loss.CrossEntropy{},
	})
	fmt.Println(n, steps, width, err, report.Loss < 0.1)
	// Output: 16 6 2 <nil> true
}

// Token ids, [N][T] of any integer type, are the text of a language model: each step's
// target is the next id.
func Example_ids() {
	var file bytes.Buffer // np.save(file, np.array([[1, 2, 3], [4, 5, 6]]))
	if err := npy.Write(&file, npy.Array{Shape: []int{2, 3}, Int32: []int32{1, 2, 3, 4, 5, 6}}); err != nil {
		fmt.Println(err)
		return
	}
	f, err := npy.New(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		fmt.Println(err)
		return
	}
	ids, err := f.Int32()
	if err != nil {
		fmt.Println(err)
		return
	}
	steps := f.Info().Shape[1]
	var seqs []data.Sequence
	for ; len(ids) > 0; ids = ids[steps:] {
		seqs = append(seqs, data.Sequence{IDs: ids[:steps-1], Targets: ids[1:steps]})
	}
	source, err := data.NewSequences(seqs, 2, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	var b data.Batch
	fmt.Println(source.Next(&b), b.IDs, b.Targets)
	// Output: <nil> [1 4 2 5] [2 5 3 6]
}

// written are the bytes of an archive with two arrays.
func written() []byte {
	var b bytes.Buffer
	if err := npy.WriteArchive(&b, true,
		npy.Array{Name: "x", Shape: []int{2, 3}, Float32: []float32{1, 2, 3, 4, 5, 6}},
		npy.Array{Name: "labels", Shape: []int{2}, Int32: []int32{7, 8}}); err != nil {
		fmt.Println(err)
	}
	return b.Bytes()
}

func ExampleArchive() {
	b := written()
	a, err := npy.NewArchive(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		fmt.Println(err)
		return
	}
	for name := range a.Names() {
		info, err := a.Info(name)
		fmt.Println(info.Name, info.Type, info.Shape, err)
	}
	labels, err := a.Int32("labels")
	fmt.Println(labels, err)
	// Read sets memory that the caller has.
	x := make([]float32, 6)
	fmt.Println(a.Read(x, "x"), x)
	// Output:
	// x <f4 [2 3] <nil>
	// labels <i4 [2] <nil>
	// [7 8] <nil>
	// <nil> [1 2 3 4 5 6]
}

func ExampleFile() {
	b := []byte("\x93NUMPY\x01\x00\x38\x00{'descr': '>i2', 'fortran_order': True, 'shape': (2,2)}\n\x00\x01\x00\x03\x00\x02\x00\x04")
	f, err := npy.New(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := f.Float32()
	fmt.Println(f.Info().Shape, f.Info().Fortran, v, err)
	// Output: [2 2] true [1 2 3 4] <nil>
}

// Arrays that stand in a stream one after another, as np.save(f, a); np.save(f, b) of
// one open file leaves them.
func ExampleReader() {
	var stream bytes.Buffer
	for _, a := range []npy.Array{{Shape: []int{3}, Float32: []float32{1, 2, 3}}, {Int32: []int32{4}}} {
		if err := npy.Write(&stream, a); err != nil {
			fmt.Println(err)
			return
		}
	}
	r := npy.NewReader(&stream)
	for {
		info, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		v, err := r.Float32()
		fmt.Println(info.Type, info.Shape, v, err)
	}
	// Output:
	// <f4 [3] [1 2 3] <nil>
	// <i4 [] [4] <nil>
}

func ExampleArray() {
	err := npy.Write(io.Discard, npy.Array{Shape: []int{2, 2}, Float32: []float32{1, 2, 3}})
	fmt.Println(err)
	// Output: npy: 3 elements, the shape [2 2] wants 4
}

func ExampleInfo() {
	info := npy.Info{Type: npy.Float32, Shape: []int{3, 2}}
	fmt.Println(info.Elements())
	// Output: 6
}

func ExampleType() {
	a, err := npy.OpenArchive(filepath.Join("testdata", "refused.npz"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer a.Close()
	for _, name := range []string{"float32", "text"} {
		info, err := a.Info(name)
		fmt.Println(info.Type, info.Type == npy.Float32, err)
	}
	// Output:
	// <f4 true <nil>
	// <U2 false <nil>
}

// A file that ends early.
func ExampleFormatError() {
	b := written()
	b = b[:len(b)-30]
	_, err := npy.NewArchive(bytes.NewReader(b), int64(len(b)))
	var format *npy.FormatError
	fmt.Println(errors.As(err, &format), errors.Is(err, io.ErrUnexpectedEOF))
	fmt.Println(format.Reason)
	// Output:
	// true true
	// no directory: this is no archive, or it has been cut off
}

func ExampleLimitError() {
	_, err := npy.NewReader(bytes.NewReader([]byte("\x93NUMPY\x02\x00\x00\x00\x00\x01"))).Next()
	var limit *npy.LimitError
	fmt.Println(errors.As(err, &limit))
	fmt.Println(limit.Got, limit.What, limit.Max)
	// Output:
	// true
	// 16777216 bytes of header 65535
}

func ExampleMissingError() {
	b := written()
	a, err := npy.NewArchive(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = a.Float32("y")
	fmt.Println(err)
	// Output: npy: the archive has no array "y"; Names lists those that it has
}

func ExampleTypeError() {
	a, err := npy.OpenArchive(filepath.Join("testdata", "refused.npz"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer a.Close()
	_, err = a.Float32("objects")
	fmt.Println(err)
	_, err = a.Int32("float32")
	fmt.Println(err)
	// Output:
	// npy: array "objects": the type "|O", objects, stored as a pickle, does not become float32: save arr.astype(np.float32) in Python
	// npy: array "float32": the type "<f4", floats, does not become int32: save arr.astype(np.int32) in Python
}

func ExampleRangeError() {
	a, err := npy.OpenArchive(filepath.Join("testdata", "refused.npz"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer a.Close()
	_, err = a.Int32("ids")
	fmt.Println(err)
	// Output: npy: array "ids": element 2 is 2147483648, which is beyond the range of int32; scale or clip it in Python
}
