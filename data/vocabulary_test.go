package data_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/simdrnn/simdrnn/data"

	"github.com/stretchr/testify/require"
)

func list(v *data.Vocabulary) string {
	var s []string
	for id := range int32(v.Len()) {
		s = append(s, fmt.Sprintf("%s:%d", v.Word(id), v.Count(id)))
	}
	return strings.Join(s, " ")
}

func file(t testing.TB, v *data.Vocabulary) string {
	var b bytes.Buffer
	n, err := v.WriteTo(&b)
	require.NoError(t, err)
	require.Equal(t, int64(b.Len()), n)
	return b.String()
}

const rhyme = "a rose is\na rose is a rose b c\n"

// TestVocabularies have ids by count and then by bytes, counts, and what the config asks for.
func TestVocabularies(t *testing.T) {
	for _, c := range []struct {
		lineEnd string
		cfg     data.VocabularyConfig
		want    string
	}{
		{"", data.VocabularyConfig{}, "a:3 rose:3 is:2 b:1 c:1"},
		{"<eos>", data.VocabularyConfig{}, "a:3 rose:3 <eos>:2 is:2 b:1 c:1"},
		{"<eos>", data.VocabularyConfig{End: "<eos>", Unknown: "<unk>", Padding: "<pad>", Begin: "<s>"}, "<pad>:0 <unk>:0 <s>:0 <eos>:2 a:3 rose:3 is:2 b:1 c:1"},
		{"", data.VocabularyConfig{MinCount: 2}, "a:3 rose:3 is:2"},
		{"", data.VocabularyConfig{MinCount: 2, Unknown: "?"}, "?:2 a:3 rose:3 is:2"},
		{"", data.VocabularyConfig{MaxSize: 3, Unknown: "?"}, "?:4 a:3 rose:3"},
		{"", data.VocabularyConfig{MaxSize: 4, Unknown: "c"}, "c:2 a:3 rose:3 is:2"},
		{"", data.VocabularyConfig{MaxSize: 1, Unknown: "a"}, "a:10"},
	} {
		v, err := data.NewVocabulary(data.Words(rhyme, c.lineEnd), c.cfg)
		require.NoError(t, err)
		require.Equal(t, c.want, list(v))
		for id := range int32(v.Len()) {
			got, known := v.Lookup(v.Word(id))
			require.True(t, known)
			require.Equal(t, id, got)
		}
		of := func(symbol string) int32 {
			if symbol == "" {
				return -1
			}
			id, _ := v.Lookup(symbol)
			return id
		}
		require.Equal(t, []int32{of(c.cfg.Padding), of(c.cfg.Unknown), of(c.cfg.Begin), of(c.cfg.End)}, []int32{v.Padding(), v.Unknown(), v.Begin(), v.End()})

		again, err := data.ReadVocabulary(strings.NewReader(file(t, v)))
		require.NoError(t, err)
		require.Equal(t, v, again)
	}
	for want, cfg := range map[string]data.VocabularyConfig{
		`"x" is Padding and End, want`:         {Padding: "x", Unknown: "y", End: "x"},
		"at most 1 words, want 2, those":       {Padding: "x", Unknown: "y", MaxSize: 1},
		"no word came 9 times or more":         {MinCount: 9},
		"at most -1 words, want 0 or more":     {MaxSize: -1},
		"at most 2147483648 words, want 0, th": {MaxSize: math.MaxInt32},
	} {
		if cfg.MaxSize == math.MaxInt32 {
			if cfg.MaxSize++; cfg.MaxSize < 0 {
				continue // an int has 32 bits
			}
		}
		_, err := data.NewVocabulary(data.Words(rhyme, ""), cfg)
		require.ErrorContains(t, err, want)
	}
	_, err := data.NewVocabulary(slices.Values([]string{strings.Repeat("x", 1<<20+1)}), data.VocabularyConfig{})
	require.ErrorContains(t, err, "a word of 1048577 bytes, want at most 1048576")
	v, err := data.NewVocabulary(slices.Values([]string{strings.Repeat("\x01", 1<<20)}), data.VocabularyConfig{})
	require.NoError(t, err)
	_, err = data.ReadVocabulary(strings.NewReader(file(t, v)))
	require.NoError(t, err, "the longest word in quotes")
	require.PanicsWithValue(t, "data: id 1 of a vocabulary, want 0 to 0", func() { v.Word(1) })
	require.Panics(t, func() { v.Count(-1) })
}

// TestEncode: ids and words go there and back; what is not known is named with its place.
func TestEncode(t *testing.T) {
	v, err := data.NewVocabulary(data.Words(rhyme, "<eos>"), data.VocabularyConfig{})
	require.NoError(t, err)
	before := []int32{7}
	ids, err := v.Encode(before, data.Words("rose is\na", "<eos>"))
	require.NoError(t, err)
	require.Equal(t, []int32{7, 1, 3, 2, 0}, ids)
	words, err := v.Decode([]string{"x"}, ids[1:])
	require.NoError(t, err)
	require.Equal(t, []string{"x", "rose", "is", "<eos>", "a"}, words)

	ids, err = v.Encode(before, data.Words("a rose by", ""))
	require.Equal(t, before, ids)
	var e *data.WordError
	require.ErrorAs(t, err, &e)
	require.Equal(t, data.WordError{Word: "by", Index: 2, Size: 6}, *e)
	require.ErrorContains(t, err, `word 2 is "by", which is none of the 6 words`)
	for _, id := range []int32{-1, 6} {
		words, err = v.Decode(words[:1], []int32{0, id})
		require.Equal(t, []string{"x"}, words)
		require.EqualError(t, err, fmt.Sprintf("data: id %d at step 1, want 0 to 5", id))
	}
	v, err = data.NewVocabulary(data.Words(rhyme, ""), data.VocabularyConfig{Unknown: "?", MinCount: 2})
	require.NoError(t, err)
	ids, err = v.Encode(nil, data.Words("a rose by", ""))
	require.NoError(t, err)
	require.Equal(t, []int32{1, 2, 0}, ids)
}

// TestGrow: new words come behind those that are there.
func TestGrow(t *testing.T) {
	v, err := data.NewVocabulary(data.Words(rhyme, ""), data.VocabularyConfig{Unknown: "?", MinCount: 2})
	require.NoError(t, err)
	require.Equal(t, "?:2 a:3 rose:3 is:2", list(v))
	n, err := v.Grow(data.Words("e e e d d d a f f z", ""), 2, 6)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Equal(t, "?:5 a:4 rose:3 is:2 d:3 e:3", list(v))
	again, err := data.ReadVocabulary(strings.NewReader(file(t, v)))
	require.NoError(t, err)
	require.Equal(t, v, again, "an order that NewVocabulary would not give")
	for _, c := range []struct {
		word string
		most int
	}{{"a", 5}, {"a", -1}, {strings.Repeat("x", 1<<21), 0}} {
		_, err = v.Grow(slices.Values([]string{"a", "new", c.word}), 0, c.most)
		require.Error(t, err)
		require.Equal(t, again, v, "nothing has changed")
	}
}

// The words of a text are read to make a vocabulary, and again to encode them: each range
// begins at the beginning, also after one that was left.
func TestWordsTwice(t *testing.T) {
	text := " one two\nthree"
	for name, words := range map[string]iter.Seq[string]{
		"words": data.Words(text, ""), "lines": data.Words(text, "<eos>"), "runes": data.Runes(text), "bytes": data.SingleBytes(text),
	} {
		first := slices.Collect(words)
		for range words {
			break
		}
		if again := slices.Collect(words); len(first) < 3 || !slices.Equal(again, first) {
			t.Errorf("%s: first %q, then %q", name, first, again)
		}
	}
}

// TestWordsOfAReader are those of the text, however it comes, whatever is in it.
func TestWordsOfAReader(t *testing.T) {
	for _, text := range []string{"", "\n", rhyme, "  a\u0085b\u00a0c\u2003\n\n d\te\r\nf", "\xff\xc3 \xe2\x80", "x\xe2\x80\x83y\xe2\x80", "\xe2\x80\x83", strings.Repeat("ab\u2003", 3000)} {
		for _, lineEnd := range []string{"", "<eos>"} {
			want := slices.Collect(data.Words(text, lineEnd))
			if lineEnd == "" {
				require.Equal(t, strings.Fields(text), append([]string{}, want...))
			} else {
				require.Equal(t, strings.Fields(strings.ReplaceAll(text, "\n", " <eos> ")), append([]string{}, want...))
			}
			for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.DataErrReader(strings.NewReader(text))} {
				d := data.NewWordReader(r, lineEnd)
				require.Equal(t, want, slices.Collect(d.All()), "%q", text)
				require.NoError(t, d.Err())
			}
			for n := range want {
				i := 0
				for range data.Words(text, lineEnd) {
					if i++; i > n {
						break
					}
				}
				if n > 20 {
					break
				}
			}
		}
	}
	broken := errors.New("no paper")
	d := data.NewWordReader(io.MultiReader(strings.NewReader("some words "), iotest.ErrReader(broken)), "")
	require.Equal(t, []string{"some", "words"}, slices.Collect(d.All()))
	require.ErrorIs(t, d.Err(), broken)
	require.ErrorContains(t, d.Err(), "offset 11")
	d = data.NewWordReader(strings.NewReader("ab "+strings.Repeat("x", 1<<20)), "")
	require.Equal(t, []string{"ab"}, slices.Collect(d.All()))
	require.EqualError(t, d.Err(), "data: offset 3: a word of 1048576 bytes or more")

	require.Equal(t, []string{"é", "\xff", "a"}, slices.Collect(data.Runes("é\xffa")))
	require.Equal(t, []string{"\xc3", "\xa9"}, slices.Collect(data.SingleBytes("é")))
	for range data.Runes("ab") {
		break
	}
	for range data.SingleBytes("ab") {
		break
	}
	v, err := data.NewVocabulary(data.SingleBytes("é\n\"\x00"), data.VocabularyConfig{})
	require.NoError(t, err)
	again, err := data.ReadVocabulary(strings.NewReader(file(t, v)))
	require.NoError(t, err)
	require.Equal(t, v, again)
}

// TestVocabularyFiles: what WriteTo would have written otherwise is refused with its place,
// and so is a file that is cut off anywhere.
func TestVocabularyFiles(t *testing.T) {
	v, err := data.NewVocabulary(data.Words("a a b \"", ""), data.VocabularyConfig{Unknown: "?"})
	require.NoError(t, err)
	good := file(t, v)
	require.Equal(t, "simdrnn vocabulary 1 4 -1 0 -1 -1\n0 \"?\"\n2 \"a\"\n1 \"\\\"\"\n1 \"b\"\n", good)
	var e *data.FileError
	for i := range good {
		_, err := data.ReadVocabulary(strings.NewReader(good[:i]))
		require.ErrorAs(t, err, &e)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.Equal(t, int64(i), e.Offset)
	}
	for _, c := range []struct {
		old, new, want string
		offset         int64
	}{
		{"vocabulary 1", "vocabulary 2", `want "simdrnn vocabulary 1" and 5 numbers`, 0},
		{"-1 -1\n", "-1\n", "5 numbers", 0},
		{" 4 ", " 0 ", `"0" words, want 1 to`, 0},
		{" 4 ", " +4 ", `"+4" words`, 0},
		{" 4 ", " 4000000000 ", "words", 0},
		{" 4 ", " 5 ", "cut off", 59},
		{" 4 ", " 3 ", "more than the 3 words of the first line", 53},
		{"0 -1 -1", "4 -1 -1", `Unknown is "4", want -1 or an id to 3`, 0},
		{"0 -1 -1", "0 -1 00", `End is "00"`, 0},
		{"0 -1 -1", "0 -1 0", "Unknown and End are both 0", 0},
		{"2 \"a", "-2 \"a", `the count is "-2"`, 40},
		{"2 \"a", "02 \"a", `the count is "02"`, 40},
		{"\"a\"", "`a`", "the word is `a`", 40},
		{"\"a\"", "\"\\x61\"", `the word is "\x61"`, 40},
		{"\"a\"", "a", "the word is a", 40},
		{"2 \"a\"", "2", "the word is ,", 40},
		{"\"a\"", "\"b\"", "", 0},
	} {
		if c.want == "" {
			c.want, c.offset = `the word "b" has id 1 already`, 53
		}
		_, err := data.ReadVocabulary(strings.NewReader(strings.Replace(good, c.old, c.new, 1)))
		require.ErrorAs(t, err, &e, "%q", c.new)
		require.ErrorContains(t, err, c.want)
		require.Equal(t, c.offset, e.Offset, "%v", err)
	}
	_, err = data.ReadVocabulary(strings.NewReader("simdrnn vocabulary 1 1 -1 -1 -1 -1\n1 \"" + strings.Repeat("x", 1<<23)))
	require.ErrorContains(t, err, "a line of more than 4194368 bytes")
	// What is no vocabulary does not fill the screen.
	long := strings.Repeat("x", 1<<20)
	for _, text := range []string{long + "\n", "simdrnn vocabulary 1 " + long + " -1 -1 -1 -1\n", "simdrnn vocabulary 1 1 " + long + " -1 -1 -1\n",
		"simdrnn vocabulary 1 1 -1 -1 -1 -1\n" + long + "\n", "simdrnn vocabulary 1 1 -1 -1 -1 -1\n1 " + long + "\n",
		"simdrnn vocabulary 1 2 -1 -1 -1 -1\n1 \"" + long + "\"\n1 \"" + long + "\"\n"} {
		_, err = data.ReadVocabulary(strings.NewReader(text))
		require.ErrorAs(t, err, &e)
		require.Less(t, len(err.Error()), 300)
	}
	require.Less(t, len((&data.WordError{Word: long}).Error()), 300)
	broken := errors.New("no paper")
	for i := range good {
		_, err = data.ReadVocabulary(io.MultiReader(strings.NewReader(good[:i]), iotest.ErrReader(broken)))
		require.ErrorIs(t, err, broken)
		require.ErrorAs(t, err, &e)
		require.Equal(t, int64(i), e.Offset)
	}
	_, err = data.ReadVocabulary(io.MultiReader(strings.NewReader(good), iotest.ErrReader(broken)))
	require.ErrorIs(t, err, broken)
	_, err = v.WriteTo(failing{broken})
	require.ErrorIs(t, err, broken)
}
