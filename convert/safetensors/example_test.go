package safetensors_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/simdrnn/simdrnn/convert/safetensors"
)

// A file is written, opened and read.
func Example() {
	dir, err := os.MkdirTemp("", "safetensors")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "model.safetensors")
	err = safetensors.WriteFile(name, map[string]string{"format": "pt"},
		safetensors.Tensor{Name: "head.weight", Shape: []int{2, 3}, Data: []float32{1, 2, 3, 4, 5, 6}},
		safetensors.Tensor{Name: "head.bias", Shape: []int{2}, Data: []float32{7, 8}})
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := safetensors.Open(name)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	w, err := f.Float32("head.weight")
	fmt.Println(w, err, f.Metadata())
	// Output: [1 2 3 4 5 6] <nil> map[format:pt]
}

// written are the bytes of a file with two tensors.
func written() []byte {
	var b bytes.Buffer
	if err := safetensors.Write(&b, nil,
		safetensors.Tensor{Name: "scale", Data: []float32{0.5}},
		safetensors.Tensor{Name: "embedding", Shape: []int{3, 2}, Data: []float32{1, 2, 3, 4, 5, 6}}); err != nil {
		fmt.Println(err)
	}
	return b.Bytes()
}

func ExampleFile() {
	b := written()
	f, err := safetensors.New(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		fmt.Println(err)
		return
	}
	for t := range f.All() {
		fmt.Println(t.Name, t.Type, t.Shape)
	}
	// Read sets memory that the caller has.
	info, _ := f.Info("embedding")
	table := make([]float32, info.Elements())
	fmt.Println(f.Read(table, "embedding"), table)
	// Output:
	// embedding F32 [3 2]
	// scale F32 []
	// <nil> [1 2 3 4 5 6]
}

// A stream is read from its beginning to its end, a piece at a time.
func ExampleReader() {
	r, err := safetensors.NewReader(bytes.NewReader(written()))
	if err != nil {
		fmt.Println(err)
		return
	}
	piece := make([]float32, 4)
	for {
		t, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		for {
			n, err := r.Read(piece)
			if err == io.EOF {
				break
			}
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println(t.Name, piece[:n])
		}
	}
	// Output:
	// embedding [1 2 3 4]
	// embedding [5 6]
	// scale [0.5]
}

func ExampleTensor() {
	err := safetensors.Write(io.Discard, nil, safetensors.Tensor{Name: "w", Shape: []int{2, 2}, Data: []float32{1, 2, 3}})
	fmt.Println(err)
	// Output: safetensors: tensor "w" has 3 elements, its shape [2 2] wants 4
}

func ExampleLimits() {
	b := written()
	_, err := safetensors.Limits{Header: 100}.New(bytes.NewReader(b), int64(len(b)))
	fmt.Println(err)
	// Output: safetensors: 128 bytes of header, at most 100 are taken: raise Limits.Header if the file is meant to have them
}

func ExampleInfo() {
	t := safetensors.Info{Name: "embedding", Type: safetensors.F16, Shape: []int{3, 2}}
	fmt.Println(t.Elements())
	// Output: 6
}

func ExampleType() {
	f, err := safetensors.Open(filepath.Join("testdata", "types.safetensors"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	for _, name := range []string{"f16", "i64"} {
		t, _ := f.Info(name)
		fmt.Println(t.Type, t.Type == safetensors.F16)
	}
	// Output:
	// F16 true
	// I64 false
}

// A file that ends early.
func ExampleFormatError() {
	b := written()[:140]
	_, err := safetensors.New(bytes.NewReader(b), int64(len(b)))
	var format *safetensors.FormatError
	fmt.Println(errors.As(err, &format), errors.Is(err, io.ErrUnexpectedEOF))
	fmt.Println(err)
	// Output:
	// true true
	// safetensors: offset 140: the tensors take 28 bytes, the file has 4 for them: unexpected EOF; the file is cut off: copy it again, or write it again
}

func ExampleLimitError() {
	_, err := safetensors.NewReader(bytes.NewReader([]byte{0, 0, 0, 0, 1, 0, 0, 0}))
	var limit *safetensors.LimitError
	fmt.Println(errors.As(err, &limit))
	fmt.Println(limit.Got, limit.What, limit.Max)
	// Output:
	// true
	// 4294967296 bytes of header 524288
}

func ExampleMissingError() {
	b := written()
	f, err := safetensors.New(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = f.Float32("embeding")
	fmt.Println(err)
	// Output: safetensors: the file has no tensor "embeding"; All lists those that it has
}

func ExampleTypeError() {
	f, err := safetensors.Open(filepath.Join("testdata", "types.safetensors"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	_, err = f.Float32("i64")
	fmt.Println(err)
	// Output: safetensors: tensor "i64" has the type I64, want F32, F16, BF16 or F64: convert it where the file comes from
}

func ExampleRangeError() {
	f, err := safetensors.Open(filepath.Join("testdata", "types.safetensors"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	_, err = f.Float32("beyond")
	fmt.Println(err)
	// Output: safetensors: element 1 of tensor "beyond" is -3.402823567797337e+38, want at most the largest float32, about 3.4e38; scale or clip it where the file comes from
}
