package data_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/simdrnn/simdrnn/data"
)

// A file of ids is written piece by piece and never in memory as a whole.
func ExampleStream() {
	folder, _ := os.MkdirTemp("", "simdrnn")
	defer os.RemoveAll(folder)
	name := filepath.Join(folder, "ids")
	var b []byte
	for id := range int32(9) {
		b, _ = data.Uint16.Append(b, 1000*id)
	}
	os.WriteFile(name, b, 0o600)

	source, err := data.OpenStream(name, data.Uint16, 2) // two streams of 4
	if err != nil {
		fmt.Println(err)
		return
	}
	defer source.Close()
	fmt.Println(source.Steps(), source.Largest())
	batch := data.Batch{Want: 2}
	fmt.Println(source.Next(&batch), batch.IDs, batch.Targets)
	// Output:
	// 4 8000
	// <nil> [0 4000 1000 5000] [1000 5000 2000 6000]
}

func ExampleFormat() {
	b, err := data.Uint16.Append(nil, 258, 3)
	fmt.Println(b, err)
	_, err = data.Bytes.Append(nil, 258)
	fmt.Println(err)
	// Output:
	// [2 1 3 0] <nil>
	// data: id 258 at step 0, want 0 to 255
}

func ExampleFileError() {
	file := bytes.NewReader([]byte{1, 0, 0, 0, 0, 0, 0, 128})
	_, err := data.NewStream(file, 8, data.Int32, 1)
	var e *data.FileError
	fmt.Println(errors.As(err, &e), err)
	// Output: true data: offset 4: id -2147483648, want 0 or more
}

// Sequences go into a file once, and come from it in an order of its own in each epoch.
func ExampleFeed() {
	folder, _ := os.MkdirTemp("", "simdrnn")
	defer os.RemoveAll(folder)
	name := filepath.Join(folder, "sequences")
	file, _ := os.Create(name)
	w := data.NewRecordWriter(file)
	for i := range int32(7) {
		w.Write(data.Following([]int32{i, i + 1, i + 2}[:2+i%2]))
	}
	fmt.Println(w.Close(), file.Close())

	source, err := data.NewFeed(data.OpenRecords(name), data.FeedConfig{
		Rows: 2, Pool: 2, ByLength: true, Shuffle: rand.NewPCG(1, 2),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer source.Close()
	for b := (data.Batch{}); source.Next(&b) == nil; {
		fmt.Println(b.IDs, b.Lengths)
	}
	// Output:
	// <nil> <nil>
	// [0 2] [1 1]
	// [1 3 2 4] [2 2]
	// [4 5 0 6] [1 2]
	// [6 0] [1 0]
}

// Without Shuffle and ByLength the order is that of the file.
func ExampleFeedConfig() {
	var file bytes.Buffer
	w := data.NewRecordWriter(&file)
	for i := range int32(3) {
		w.Write(data.Following([]int32{i, i + 1}))
	}
	w.Close()
	open := func() (data.SequenceReader, error) { return data.NewRecords(bytes.NewReader(file.Bytes())) }
	source, _ := data.NewFeed(open, data.FeedConfig{Rows: 2})
	for b := (data.Batch{}); source.Next(&b) == nil; {
		fmt.Println(b.IDs, b.Lengths)
	}
	// Output:
	// [0 1] [1 1]
	// [2 0] [1 0]
}

// A reader of one's own: a sentence of each line.
func ExampleSequenceReader() {
	const text = "to be or\nnot to be\n"
	v, _ := data.NewVocabulary(data.Words(text, ""), data.VocabularyConfig{Begin: "<s>", End: "</s>"})
	open := func() (data.SequenceReader, error) { // a file would be opened here
		return &sentences{lines: strings.Split(strings.TrimSpace(text), "\n"), v: v}, nil
	}
	source, _ := data.NewFeed(open, data.FeedConfig{Rows: 2})
	var b data.Batch
	fmt.Println(source.Next(&b), b.IDs[:2], b.Targets[:2])
	// Output: <nil> [0 0] [3 4]
}

type sentences struct {
	lines []string
	v     *data.Vocabulary
	ids   []int32
}

func (s *sentences) Next() (data.Sequence, error) {
	if len(s.lines) == 0 {
		return data.Sequence{}, io.EOF
	}
	var err error
	s.ids, err = s.v.Encode(append(s.ids[:0], s.v.Begin()), data.Words(s.lines[0], ""))
	s.ids, s.lines = append(s.ids, s.v.End()), s.lines[1:]
	return data.Following(s.ids), err
}

func ExampleRecordWriter() {
	var file bytes.Buffer
	w := data.NewRecordWriter(&file)
	fmt.Println(w.Write(data.Sequence{IDs: []int32{1, 2}, Targets: []int32{-1, 0}}))
	fmt.Println(w.Write(data.Sequence{IDs: []int32{1, 2}, Targets: []int32{0}}))
	fmt.Println(w.Close(), file.Len())
	// Output:
	// <nil>
	// data: sequence 1 has 1 elements of Targets, want 1 for each of its 2 steps
	// <nil> 72
}

func ExampleRecords() {
	var file bytes.Buffer
	w := data.NewRecordWriter(&file)
	w.Write(data.Sequence{IDs: []int32{1, 2}, Targets: []int32{-1, 0}})
	w.Close()
	r, _ := data.NewRecords(&file)
	s, err := r.Next()
	fmt.Println(s.IDs, s.Targets, err)
	_, err = r.Next()
	fmt.Println(err)
	// Output:
	// [1 2] [-1 0] <nil>
	// EOF
}

// The words of a file that memory does not hold, and a newline as a word of its own.
func ExampleWordReader() {
	words := data.NewWordReader(strings.NewReader("to be or\nnot to be\n"), "<eos>")
	v, err := data.NewVocabulary(words.All(), data.VocabularyConfig{End: "<eos>"})
	fmt.Println(v.Len(), v.Word(1), err, words.Err())
	// Output: 5 be <nil> <nil>
}
