package fuzz_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/simdrnn/simdrnn/data"
)

// recordFile is a file of a few sequences with IDs or X, Targets and Y.
func recordFile(t testing.TB, ids bool) []byte {
	var b bytes.Buffer
	w := data.NewRecordWriter(&b)
	for n := range 6 {
		s := data.Sequence{Steps: n, Targets: make([]int32, n), Y: make([]float32, n)}
		if ids {
			s.IDs = slices.Repeat([]int32{int32(n)}, n)
		} else {
			s.X = slices.Repeat([]float32{0, float32(n)}, n)
		}
		if err := w.Write(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// mustBeOfFile fails unless err is a *data.FileError with a place in a file of n bytes.
func mustBeOfFile(t *testing.T, err error, n int) {
	t.Helper()
	var e *data.FileError
	if !errors.As(err, &e) || e.Offset < 0 || e.Offset > int64(n) {
		t.Fatalf("%v in a file of %d bytes", err, n)
	}
}

// FuzzRecords reads any bytes as a file of sequences. A Feed takes it if the reader does.
func FuzzRecords(f *testing.F) {
	for _, ids := range []bool{false, true} {
		file := recordFile(f, ids)
		f.Add(file)
		f.Add(file[:len(file)-3])
	}
	for _, s := range []data.Sequence{
		{IDs: []int32{1, 2}, Targets: []int32{3, 4}, Weights: []float32{1, 0.5}},
		{IDs: []int32{1, 2}, Y: []float32{1, 2, 3, 4}, Weights: []float32{1, 0.5, 0, 1}, Labels: []int32{7}},
	} {
		var b bytes.Buffer
		w := data.NewRecordWriter(&b)
		for range 2 {
			if err := w.Write(s); err != nil {
				f.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := data.NewRecords(bytes.NewReader(file))
		if err != nil {
			mustBeOfFile(t, err, len(file))
			return
		}
		var again bytes.Buffer
		w := data.NewRecordWriter(&again)
		n := 0
		for {
			s, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				mustBeOfFile(t, err, len(file))
				return
			}
			n++
			if err := w.Write(s); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		// A file without steps may have a form that its sequences do not show.
		const magic, form = 16, 32
		same := bytes.Equal(again.Bytes(), file)
		const labels = 16
		switch {
		case !bytes.Equal(again.Bytes()[magic:form-4], make([]byte, form-4-magic)):
		case file[magic]&labels != 0: // of each record none
			same = true
		default:
			same = bytes.Equal(again.Bytes()[form:], file[form:])
		}
		if !same {
			t.Fatalf("%x is written as %x", file, again.Bytes())
		}
		open := func() (data.SequenceReader, error) { return data.NewRecords(bytes.NewReader(file)) }
		d, err := data.NewFeed(open, data.FeedConfig{Rows: 2, Pool: 2, ByLength: true, Shuffle: rand.NewPCG(1, 2)})
		if (err == nil) != (n > 0) {
			t.Fatalf("%d sequences, %v", n, err)
		}
		for err == nil {
			err = d.Next(&data.Batch{})
		}
		if n > 0 && err != io.EOF {
			t.Fatal(err)
		}
	})
}

// FuzzVocabulary reads any bytes as the file of a vocabulary.
func FuzzVocabulary(f *testing.F) {
	f.Add([]byte("simdrnn vocabulary 1 3 1 0 -1 -1\n0 \"?\"\n2 \"a\"\n1 \"\\u00e9\\xff\\\"\"\n"))
	f.Add([]byte("simdrnn vocabulary 1 1 -1 -1 -1 -1\n18446744073709551615 \"\"\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		v, err := data.ReadVocabulary(bytes.NewReader(file))
		if err != nil {
			mustBeOfFile(t, err, len(file))
			return
		}
		var again bytes.Buffer
		if _, err := v.WriteTo(&again); err != nil || !bytes.Equal(again.Bytes(), file) {
			t.Fatalf("%q is written as %q, %v", file, again.Bytes(), err)
		}
		for id := range int32(v.Len()) {
			if got, known := v.Lookup(v.Word(id)); !known || got != id {
				t.Fatalf("id %d is looked up as %d", id, got)
			}
		}
	})
}

// FuzzWords: the words of a text are those of strings.Fields, however it comes, and a
// vocabulary of them, or of its runes or bytes, gives the text back.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"", "a b\n\nc", "a\u0085b\u2003c\xe2\x80", "\xff \xc3\xa9\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, end := range []string{"", "\x00"} {
			want := strings.Fields(strings.ReplaceAll(text, "\n", " "+end+" "))
			got := slices.Collect(data.Words(text, end))
			if strings.Contains(text, "\x00") && end != "" {
				continue
			}
			if !slices.Equal(want, got) {
				t.Fatalf("%q, want %q", got, want)
			}
			r := data.NewWordReader(iotest.OneByteReader(strings.NewReader(text)), end)
			if read := slices.Collect(r.All()); !slices.Equal(want, read) || r.Err() != nil {
				t.Fatalf("%q, %v, want %q", read, r.Err(), want)
			}
		}
		if text == "" {
			return
		}
		for _, words := range [][]string{slices.Collect(data.Runes(text)), slices.Collect(data.SingleBytes(text))} {
			v, err := data.NewVocabulary(slices.Values(words), data.VocabularyConfig{})
			if err != nil {
				t.Fatal(err)
			}
			ids, err := v.Encode(nil, slices.Values(words))
			if err != nil {
				t.Fatal(err)
			}
			back, err := v.Decode(nil, ids)
			if err != nil || strings.Join(back, "") != text {
				t.Fatalf("%q, %v", back, err)
			}
		}
	})
}

// FuzzPositions takes any bytes as a position in each kind of data. One that is taken is
// given back, and the data goes on; after one that is refused it is where it was.
func FuzzPositions(f *testing.F) {
	file := recordFile(f, true)
	type source interface {
		data.Source
		MarshalBinary() ([]byte, error)
		UnmarshalBinary([]byte) error
	}
	open := func(t testing.TB) (all []source) {
		r, err := data.NewRecords(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		var seqs []data.Sequence
		for {
			s, err := r.Next()
			if err != nil {
				break
			}
			s.IDs, s.Targets, s.Y = slices.Clone(s.IDs), slices.Clone(s.Targets), slices.Clone(s.Y)
			seqs = append(seqs, s)
		}
		add := func(d source, err error) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, d)
		}
		feed := func() (data.SequenceReader, error) { return data.NewRecords(bytes.NewReader(file)) }
		text, err := data.NewText(file, 3)
		add(text, err)
		stream, err := data.NewStream(bytes.NewReader(file), int64(len(file)), data.Bytes, 3)
		add(stream, err)
		plain, err := data.NewSequences(seqs, 2, rand.NewPCG(1, 2))
		add(plain, err)
		buckets, err := data.NewBuckets(seqs, 2, 2, rand.NewPCG(1, 2))
		add(buckets, err)
		pairs, err := data.NewPairs([]data.Pair{{IDs: []int32{1, 2}, Target: []int32{3}}, {Target: []int32{4, 5}}, {}}, data.PairsConfig{Rows: 2, Begin: 6, End: 7, Buckets: 2, Shuffle: rand.NewPCG(1, 2)})
		add(pairs, err)
		ordered, err := data.NewFeed(feed, data.FeedConfig{Rows: 2})
		add(ordered, err)
		shuffled, err := data.NewFeed(feed, data.FeedConfig{Rows: 2, Pool: 2, ByLength: true, Shuffle: rand.NewPCG(1, 2)})
		add(shuffled, err)
		return all
	}
	for i, d := range open(f) {
		for range i {
			d.Next(&data.Batch{Want: 3})
		}
		position, err := d.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(position)
	}
	f.Fuzz(func(t *testing.T, position []byte) {
		for _, d := range open(t) {
			before, err := d.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			want := position
			if d.UnmarshalBinary(position) != nil {
				want = before
			}
			after, err := d.MarshalBinary()
			if err != nil || !bytes.Equal(after, want) {
				t.Fatalf("%T is at %x, %v, want %x", d, after, err, want)
			}
			// A Feed believes the number and the checksum of the first epoch.
			ended, changed := false, false
			for range 100 {
				switch err := d.Next(&data.Batch{Want: 7}); {
				case err == io.EOF:
					ended = true
				case errors.Is(err, data.ErrChanged):
					changed = true
				case err != nil:
					t.Fatal(err)
				}
			}
			if !ended && !changed {
				t.Fatalf("%T: no epoch ends", d)
			}
		}
	})
}
