package safetensors_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/internal/numtest"
)

// file is one with the header and the data.
func file(header string, data []byte) []byte {
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), data...)
}

func made(t *testing.T, header string, data []byte) *safetensors.File {
	t.Helper()
	b := file(header, data)
	f, err := safetensors.New(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// a is the header's entry of a tensor.
func a(typ, shape, offsets string) string {
	return fmt.Sprintf(`{"a":{"dtype":%q,"shape":%s,"data_offsets":%s}}`, typ, shape, offsets)
}

// read reads all of a file, once as a file and once as a stream, and returns both
// errors.
func read(limits safetensors.Limits, b []byte) (asFile, asStream error) {
	f, asFile := limits.New(bytes.NewReader(b), int64(len(b)))
	if asFile == nil {
		for name := range f.Names() {
			asFile = errors.Join(asFile, f.Read(make([]float32, must(f.Info(name)).Elements()), name))
		}
	}
	r, asStream := limits.NewReader(iotest.OneByteReader(bytes.NewReader(b)))
	for asStream == nil {
		var info safetensors.Info
		if info, asStream = r.Next(); asStream == nil {
			if n, err := r.Read(make([]float32, info.Elements())); n < info.Elements() {
				asStream = err
			}
		}
	}
	if asStream == io.EOF {
		asStream = nil
	}
	return asFile, asStream
}

func must[T any](v T, ok bool) T {
	if !ok {
		panic("not there")
	}
	return v
}

// Every file that is none is refused by the same error as a file and as a stream,
// which says why.
func TestHostileFiles(t *testing.T) {
	formatError, limitError := &safetensors.FormatError{}, &safetensors.LimitError{}
	length := func(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }
	one := make([]byte, 4)
	f32 := func(name string, from, to int) string {
		return fmt.Sprintf(`%q:{"dtype":"F32","shape":[%d],"data_offsets":[%d,%d]}`, name, (to-from)/4, from, to)
	}
	for _, c := range []struct {
		name string
		file []byte
		as   error
		why  string
	}{
		{"nothing", nil, formatError, "the length of the header takes 8 bytes: unexpected EOF"},
		{"seven bytes", length(2)[:7], formatError, "offset 7: the length of the header takes 8 bytes: unexpected EOF"},
		{"header of nothing", length(0), formatError, "a header of 0 bytes, want at least the 2 of {}"},
		{"header of a byte", file("{", nil), formatError, "a header of 1 bytes"},
		{"header beyond the file", append(length(100), "{}"...), formatError, "unexpected EOF"},
		{"header of 2^64-1", append(length(1<<64-1), "{}"...), formatError, "18446744073709551615 bytes"},
		{"header of 2^63", append(length(1<<63), "{}"...), formatError, "9223372036854775808 bytes"},
		{"header above the limit", file("{"+strings.Repeat(" ", 5<<20)+"}", nil), limitError, "5242882 bytes of header, at most"},

		{"header that is an array", file("[]", nil), formatError, `offset 8: the header begins with '[', want '{'`},
		{"header that begins with a space", file(" {}", nil), formatError, `begins with ' '`},
		{"header of zeros", file("\x00\x00\x00\x00", nil), formatError, `begins with '\x00'`},
		{"header that is no UTF-8", file("{\"\xff\":1}", nil), formatError, "no UTF-8"},
		{"header that ends early", file(`{"a":`, nil), formatError, "want '{', found the end of the header"},
		{"header with more behind it", file(`{}x`, nil), formatError, "'x' after the header's end"},
		{"header with zeros behind it", file("{}\x00\x00", nil), formatError, `'\x00' after the header's end`},
		{"comma at the end", file(`{"__metadata__":{},}`, nil), formatError, `want '"', found '}'`},
		{"no comma", file("{"+f32("a", 0, 4)+f32("b", 4, 8)+"}", make([]byte, 8)), formatError, `want '}', found '"'`},
		{"no colon", file(`{"a" {}}`, nil), formatError, `want ':', found '{'`},
		{"a name without end", file(`{"a`, nil), formatError, "a string that does not end"},
		{"a name with a line end", file("{\"a\n\":{}}", nil), formatError, `control character '\n'`},
		{"a name with no escape", file(`{"\x":{}}`, nil), formatError, "escape that JSON does not have"},
		{"a name with a short escape", file(`{"\u12":{}}`, nil), formatError, "escape that JSON does not have"},
		{"a name with a sign in an escape", file(`{"\u+123":{}}`, nil), formatError, "escape that JSON does not have"},
		{"half a surrogate pair", file(`{"\ud83d":{}}`, nil), formatError, "escape that JSON does not have"},
		{"the other half", file(`{"\ude00":{}}`, nil), formatError, "escape that JSON does not have"},
		{"two first halves", file(`{"\ud83d\ud83d":{}}`, nil), formatError, "escape that JSON does not have"},
		{"deep", file(`{"a":`+strings.Repeat(`{"a":`, 10_000), nil), formatError, `"a" is no field of a tensor`},
		{"deep arrays", file(`{"a":{"shape":`+strings.Repeat(`[`, 10_000), nil), formatError, "want a whole number of digits alone, found '['"},

		{"metadata of numbers", file(`{"__metadata__":{"a":1}}`, nil), formatError, `want '"', found '1'`},
		{"metadata of null", file(`{"__metadata__":null}`, nil), formatError, "want '{', found 'n'"},
		{"metadata of objects", file(`{"__metadata__":{"a":{}}}`, nil), formatError, `want '"', found '{'`},
		{"metadata twice", file(`{"__metadata__":{},"__metadata__":{}}`, nil), formatError, "__metadata__ comes twice"},
		{"a key of metadata twice", file(`{"__metadata__":{"a":"","a":""}}`, nil), formatError, `the key "a" of __metadata__ comes twice`},

		{"a name twice", file("{"+f32("a", 0, 4)+","+f32("b", 4, 8)+","+f32("a", 8, 12)+"}", make([]byte, 12)), formatError, `tensor "a", offset 142: the name comes twice`},
		{"a name twice, once by an escape", file("{"+f32("a", 0, 4)+`,"\u0061":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, make([]byte, 8)), formatError, "the name comes twice"},
		{"a field twice", file(`{"a":{"dtype":"F32","dtype":"F32"}}`, nil), formatError, "dtype comes twice"},
		{"shape twice", file(`{"a":{"shape":[],"shape":[]}}`, nil), formatError, "shape comes twice"},
		{"offsets twice", file(`{"a":{"data_offsets":[0,0],"data_offsets":[0,0]}}`, nil), formatError, "data_offsets comes twice"},
		{"an unknown field", file(`{"a":{"strides":[1]}}`, nil), formatError, `"strides" is no field of a tensor`},
		{"no type", file(`{"a":{"shape":[],"data_offsets":[0,0]}}`, nil), formatError, "want them all"},
		{"no shape", file(`{"a":{"dtype":"F32","data_offsets":[0,0]}}`, nil), formatError, "want them all"},
		{"no offsets", file(`{"a":{"dtype":"F32","shape":[0]}}`, nil), formatError, "want them all"},
		{"offsets behind an escape", file(`{"a":{"dtype":"F32","shape":[0],"data\u005foffsets":[0,0]}}`, nil), formatError, "named data_offsets by escapes"},
		{"a tensor that is an array", file(`{"a":["F32",[1],[0,4]]}`, one), formatError, "want '{', found '['"},
		{"an unknown type", file(a("F128", "[1]", "[0,4]"), one), formatError, `tensor "a", offset`},
		{"a type in small letters", file(a("f32", "[1]", "[0,4]"), one), formatError, `the type "f32" is none`},
		{"a type of a number", file(`{"a":{"dtype":1}}`, one), formatError, `want '"', found '1'`},

		{"a shape of NaN", file(a("F32", "[NaN]", "[0,4]"), one), formatError, "found 'N'"},
		{"a negative shape", file(a("F32", "[-1]", "[0,4]"), one), formatError, "found '-'"},
		{"a shape with a point", file(a("F32", "[1.0]", "[0,4]"), one), formatError, "found '.' after 1"},
		{"a shape with an exponent", file(a("F32", "[1e0]", "[0,4]"), one), formatError, "found 'e' after 1"},
		{"a shape with a zero before", file(a("F32", "[01]", "[0,4]"), one), formatError, `begins with 0, "01"`},
		{"a shape as text", file(a("F32", `["1"]`, "[0,4]"), one), formatError, `found '"'`},
		{"a shape of null", file(a("F32", `null`, "[0,4]"), one), formatError, "want '[', found 'n'"},
		{"a shape with a comma at its end", file(a("F32", "[1,]", "[0,4]"), one), formatError, "found ']'"},
		{"a number of 2^64", file(a("F32", "[18446744073709551616]", "[0,4]"), one), formatError, "too large"},
		{"a number of a million digits", file(a("F32", "["+strings.Repeat("9", 400_000)+"]", "[0,4]"), one), formatError, "too large, 999"},
		{"a product beyond memory", file(a("F32", "[4294967296,4294967296]", "[0,0]"), nil), formatError, "than fit in memory"},
		{"a product that wraps to the right size", file(a("F32", "[2147483649,2147483648,2,1]", "[0,4]"), one), formatError, "than fit in memory"},
		{"bytes beyond memory", file(a("F64", "[1152921504606846976]", "[0,4]"), one), formatError, "than fit in memory"},
		{"nine dimensions", file(a("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), one), limitError, "9 dimensions of a tensor, at most 8"},
		{"half a byte", file(a("F4", "[3]", "[0,2]"), one), formatError, "3 elements of F4 do not end with a byte"},

		{"declared large, data tiny", file(a("F32", "[1000,1000]", "[0,4]"), one), formatError, "which is not the 4000000 bytes of 1000000 elements of F32"},
		{"declared large, with offsets", file(a("F32", "[1000,1000]", "[0,4000000]"), one), formatError, "unexpected EOF"},
		{"one offset", file(a("F32", "[1]", "[0]"), one), formatError, "two data_offsets"},
		{"three offsets", file(a("F32", "[1]", "[0,4,8]"), one), formatError, "more than two data_offsets"},
		{"offsets reversed", file(a("F32", "[1]", "[4,0]"), one), formatError, "data_offsets are [4 0]"},
		{"a negative offset", file(a("F32", "[1]", "[-4,0]"), one), formatError, "found '-'"},
		{"a gap", file("{"+f32("a", 0, 4)+","+f32("b", 8, 12)+"}", make([]byte, 12)), formatError, "its data begins at 8 of the data, want 4: it leaves a gap"},
		{"a gap at the beginning", file("{"+f32("a", 4, 8)+"}", make([]byte, 8)), formatError, "it leaves a gap"},
		{"an overlap", file("{"+f32("a", 0, 8)+","+f32("b", 4, 12)+"}", make([]byte, 12)), formatError, "want 8: it overlaps"},
		{"the same bytes twice", file("{"+f32("a", 0, 4)+","+f32("b", 0, 4)+"}", one), formatError, "want 4: it overlaps"},
		{"no elements inside of another tensor", file("{"+f32("a", 0, 8)+","+f32("b", 4, 4)+"}", make([]byte, 8)), formatError, "it overlaps"},
		{"past the end", file("{"+f32("a", 0, 4)+","+f32("b", 4, 12)+"}", make([]byte, 8)), formatError, "unexpected EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			asFile, asStream := read(safetensors.Limits{}, c.file)
			for _, err := range []error{asFile, asStream} {
				if err == nil {
					t.Fatal("no error")
				}
				var f *safetensors.FormatError
				var l *safetensors.LimitError
				// A stream's length is not known, so that of the header has only the limit.
				if isFormat, isLimit := errors.As(err, &f), errors.As(err, &l); reflect.TypeOf(c.as) == reflect.TypeOf(f) && !isFormat && !(isLimit && strings.Contains(c.name, "2^6")) || reflect.TypeOf(c.as) == reflect.TypeOf(l) && !isLimit {
					t.Errorf("%T, want %T: %v", err, c.as, err)
				}
				if !regexp.MustCompile(`[;:] (the file .*: copy|write|raise|try) .*$`).MatchString(err.Error()) {
					t.Errorf("%.400v, which does not say what to do", err)
				}
				if !strings.Contains(err.Error(), c.why) || len(err.Error()) > 400 {
					t.Errorf("%.400v, want an error with %q", err, c.why)
				}
				if strings.Contains(c.why, "unexpected EOF") && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("%v is no io.ErrUnexpectedEOF", err)
				}
			}
		})
	}
	var many strings.Builder
	for i := range safetensors.MaxMetadata + 1 {
		fmt.Fprintf(&many, `,"%d":""`, i)
	}
	_, err := read(safetensors.Limits{}, file(`{"__metadata__":{`+many.String()[1:]+`}}`, nil))
	if l := (*safetensors.LimitError)(nil); !errors.As(err, &l) || l.Got != 1025 || l.Max != 1024 {
		t.Errorf("%v for 1025 entries of metadata", err)
	}
	// One that follows is no matter of a stream, which may go on.
	asFile, asStream := read(safetensors.Limits{}, file(a("F32", "[1]", "[0,4]"), make([]byte, 5)))
	if asFile == nil || !strings.Contains(asFile.Error(), "1 bytes follow that belong to no tensor") || asStream != nil {
		t.Errorf("%v, %v for a byte too many", asFile, asStream)
	}
}

// What is unusual and valid is taken: what the reference implementation takes as well.
func TestUnusualFiles(t *testing.T) {
	for name, header := range map[string]string{
		"no tensors":        `{}`,
		"spaces everywhere": "{ \"a\" :\t{ \"shape\" : [ 1 , 1 ] ,\n\"data_offsets\" : [ 0 , 4 ] , \"dtype\" : \"F32\" } }  \n",
		"escapes":           `{"\u0061\ud83d\ude00\"\/\\":{"dtype":"F\u00332","shape":[1],"data_offsets":[0,4]}}`,
		"an empty name":     `{"":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`,
		// These take no bytes, so that any number of them lie where others meet.
		"no elements":       `{"z":{"dtype":"F64","shape":[3,0],"data_offsets":[0,0]},"y":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},"b":{"dtype":"F16","shape":[1],"data_offsets":[2,4]},"c":{"dtype":"F16","shape":[0],"data_offsets":[2,2]},"d":{"dtype":"F16","shape":[0],"data_offsets":[4,4]}}`,
		"in another order":  `{"b":{"dtype":"BF16","shape":[1],"data_offsets":[2,4]},"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}`,
		"odd header length": `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} `,
	} {
		data := make([]byte, 4)
		if header == "{}" {
			data = nil
		}
		if asFile, asStream := read(safetensors.Limits{}, file(header, data)); asFile != nil || asStream != nil {
			t.Errorf("%s: %v, %v", name, asFile, asStream)
		}
	}
	f := made(t, `{"\u0061\ud83d\ude00\"\/\\":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`, make([]byte, 4))
	if info, ok := f.Info(`a😀"/\`); !ok || info.Shape != nil || info.Elements() != 1 {
		t.Errorf("%+v, %v", info, ok)
	}
}

// A file that is cut anywhere, and one with a byte over, is refused; with any bit of
// its header turned it is refused or says something else.
func TestTruncatedAndDamaged(t *testing.T) {
	for _, name := range []string{"types", "written", "bare"} {
		whole, err := os.ReadFile(filepath.Join("testdata", name+".safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		for n := range whole {
			asFile, err := safetensors.New(bytes.NewReader(whole[:n]), int64(n))
			if asFile != nil || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%s: %v for the first %d bytes of %d", name, err, n, len(whole))
			}
			if _, err := read(safetensors.Limits{}, whole[:n]); !errors.Is(err, io.ErrUnexpectedEOF) && name != "types" { // which has what cannot be read
				t.Fatalf("%s: %v for a stream of the first %d bytes of %d", name, err, n, len(whole))
			}
		}
		header := 8 + int(binary.LittleEndian.Uint64(whole))
		same := describe(t, whole)
		for bit := range 8 * header {
			damaged := slices.Clone(whole)
			damaged[bit/8] ^= 1 << (bit % 8)
			if _, err := safetensors.New(bytes.NewReader(damaged), int64(len(damaged))); err == nil && describe(t, damaged) == same && !onlySpaces(whole, damaged) {
				t.Errorf("%s: bit %d is turned and nothing is different", name, bit)
			}
		}
	}
}

func describe(t *testing.T, b []byte) string {
	f, err := safetensors.New(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	s := fmt.Sprintf("%q", f.Metadata())
	for info := range f.All() {
		s += fmt.Sprintf("%q %v %v\n", info.Name, info.Type, info.Shape)
	}
	return s
}

// onlySpaces reports whether a and b are the same but for white space and the case
// of letters in escapes, neither of which means anything.
func onlySpaces(a, b []byte) bool {
	white := func(c byte) bool { return strings.IndexByte(" \t\n\r", c) >= 0 }
	for i := range a {
		if a[i] != b[i] && !(white(a[i]) && white(b[i])) && a[i]|0x20 != b[i]|0x20 {
			return false
		}
	}
	return true
}

// A read that fails is an error that says where, and wraps what the reader said.
func TestReadErrors(t *testing.T) {
	b := file(a("F32", "[3]", "[0,12]"), make([]byte, 12))
	broken := errors.New("broken")
	for n := range b {
		r, err := safetensors.NewReader(io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(broken)))
		if err == nil {
			if _, err = r.Next(); err != nil {
				t.Fatal(err)
			}
			if _, err = r.Read(make([]float32, 3)); err == nil {
				t.Fatalf("no error after %d bytes", n)
			}
			if _, again := r.Next(); again != err {
				t.Errorf("then %v", again)
			}
		}
		f := (*safetensors.FormatError)(nil)
		if !errors.As(err, &f) || !errors.Is(err, broken) || f.Offset != int64(n) {
			t.Errorf("%v after %d bytes", err, n)
		}
	}
	// A file that became shorter after it was opened.
	f, err := safetensors.New(bytes.NewReader(b[:len(b)-2]), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Float32("a"); !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "its data ends 2 bytes later") {
		t.Errorf("%v for a file that became shorter", err)
	}
}

func TestReadRefuses(t *testing.T) {
	f := open(t, "types.safetensors")
	var missing *safetensors.MissingError
	if _, err := f.Float32("f8x"); !errors.As(err, &missing) || missing.Tensor != "f8x" {
		t.Errorf("%v for a tensor that is not there", err)
	}
	for _, name := range []string{"i64", "bool", "f8"} {
		var wrong *safetensors.TypeError
		if _, err := f.Float32(name); !errors.As(err, &wrong) || wrong.Tensor != name || f.Check(name) == nil {
			t.Errorf("%v for %s", err, name)
		}
	}
	var beyond *safetensors.RangeError
	if _, err := f.Float32("beyond"); !errors.As(err, &beyond) || beyond.Index != 1 || beyond.Value != -3.402823567797337e38 {
		t.Errorf("%v for a number beyond float32", err)
	}
	if err := f.Check("f64"); err != nil {
		t.Error(err)
	}
	defer func() {
		if said := fmt.Sprint(recover()); !strings.Contains(said, `dst has 2 elements, tensor "f32" 10`) {
			t.Errorf("the panic says %s", said)
		}
	}()
	f.Read(make([]float32, 2), "f32")
}

// The Index of a RangeError counts from the beginning of the tensor, and a Reader
// goes on after it.
func TestStreamOverRangeErrors(t *testing.T) {
	const n = 20_000 // more than are read at once
	data := make([]byte, 8*n+4)
	binary.LittleEndian.PutUint64(data[8*(n-3):], 0x7fe<<52)
	b := file(fmt.Sprintf(`{"a":{"dtype":"F64","shape":[%d],"data_offsets":[0,%d]},"b":{"dtype":"F32","shape":[1],"data_offsets":[%[2]d,%[3]d]}}`, n, 8*n, 8*n+4), data)
	r, err := safetensors.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Read(make([]float32, 5)); got != 5 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
	var beyond *safetensors.RangeError
	if _, err := r.Read(make([]float32, n)); !errors.As(err, &beyond) || beyond.Index != n-3 {
		t.Errorf("%v", err)
	}
	if info, err := r.Next(); err != nil || info.Name != "b" {
		t.Errorf("%v, %v", info, err)
	}
	if got, err := r.Read(make([]float32, 5)); got != 1 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("%v at the end", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic of Read without a tensor")
		}
	}()
	r.Read(make([]float32, 1))
}

// Open takes regular files; a folder is none.
func TestOpenRefuses(t *testing.T) {
	if _, err := safetensors.Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("%v for a folder", err)
	}
	if _, err := safetensors.Open(filepath.Join(t.TempDir(), "x")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v for no file", err)
	}
	name := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(name, []byte("12345678"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := safetensors.Open(name); err == nil || !strings.HasPrefix(err.Error(), name) {
		t.Errorf("%v for a bad file", err)
	}
	for _, limit := range []int{-1, 100_000_001} {
		if _, err := (safetensors.Limits{Header: limit}).Open(name); err == nil || !strings.Contains(err.Error(), "Limits.Header is") {
			t.Errorf("%v for a limit of %d", err, limit)
		}
	}
	if _, err := safetensors.New(bytes.NewReader(nil), -1); err == nil {
		t.Error("no error for a size of -1")
	}
}

// tiny is the header of as many tensors of a byte as fit into so many bytes, in the
// form that takes the fewest, and the data.
func tiny(size int, dims string, name func(i int) string) (string, []byte) {
	b := []byte{'{'}
	n := 0
	for len(b) < size-200 {
		if n > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `"%s":{"dtype":"U8","shape":[%s],"data_offsets":[%d,%d]}`, name(n), dims, n, n+1)
		n++
	}
	return string(append(b, '}')), make([]byte, n)
}

// Whatever a file says, opening and reading it takes less than twice its size and
// 1 MiB.
func TestAllocation(t *testing.T) {
	const most = 4 << 20
	number := func(i int) string { return fmt.Sprint(i) }
	cases := map[string][]byte{
		"a large header that is not there": binary.LittleEndian.AppendUint64(nil, most),
		"a large tensor that is not there": file(a("F32", "[1000000000]", "[0,4000000000]"), nil),
		"one string":                       file(`{"__metadata__":{"a":"`+strings.Repeat(`\"`, most/2-100)+`"}}`, nil),
		"one name":                         file(`{"`+strings.Repeat(`\"`, most/2-100)+`":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}`, []byte{0}),
		"one bad name":                     file(`{"`+strings.Repeat(`\"`, most/2-100)+`":{"dtype":"U8","shape":[],"data_offsets":[0,2]}}`, []byte{0}),
		"spaces":                           file(`{`+strings.Repeat(" ", most-100)+`}`, nil),
		"a type that is long":              file(a(strings.Repeat("x", most-100), "[]", "[0,1]"), []byte{0}),
		"names that are fields":            file(`{"__metadata__":{`+strings.Repeat(`"data_offsets":"",`, most/20)+`"":""}}`, nil),
	}
	for name, of := range map[string]func(int) string{"": number, ", escaped": func(i int) string { return fmt.Sprintf(`%d\"`, i) }} {
		for _, dims := range []string{"", "1,1,1,1,1", "1,1,1,1,1,1,1,1"} {
			header, data := tiny(most, dims, of)
			cases["many tensors of shape ["+dims+"]"+name] = file(header, data)
		}
	}
	half := make([]byte, 2*3_000_000)
	cases["a large tensor of halves"] = file(a("F16", "[3000000]", "[0,6000000]"), half)
	for name, b := range cases {
		t.Run(name, func(t *testing.T) {
			dst := make([]float32, 3_000_000)
			got := numtest.Allocated(func() {
				f, err := safetensors.New(bytes.NewReader(b), int64(len(b)))
				if err != nil {
					_ = err.Error()
					return
				}
				i := 0
				for name := range f.Names() {
					// An error for each of 80,000 tensors is the caller's.
					if i++; i < 100 && f.Check(name) == nil {
						f.Read(dst, name)
						f.Float32(name)
					}
				}
			})
			if limit := int64(2*len(b) + 1<<20); got > limit {
				t.Errorf("%d bytes allocated for a file of %d, want at most %d", got, len(b), limit)
			}
			got = numtest.Allocated(func() {
				r, err := safetensors.NewReader(bytes.NewReader(b))
				for i := 0; err == nil && i < 100; i++ {
					if _, err = r.Next(); err == nil {
						r.Read(dst)
					}
				}
			})
			if limit := int64(2*len(b) + 1<<20); got > limit {
				t.Errorf("%d bytes allocated for a stream of %d, want at most %d", got, len(b), limit)
			}
		})
	}
}

// A hundred thousand tensors are a matter of a limit, and of time that grows with
// their number and not with its square.
func TestManyTensors(t *testing.T) {
	header, data := tiny(6<<20, "1", func(i int) string { return fmt.Sprintf("t%06d", 999_999-i) })
	b := file(header, data)
	var limit *safetensors.LimitError
	if _, err := safetensors.New(bytes.NewReader(b), int64(len(b))); !errors.As(err, &limit) || !strings.Contains(err.Error(), "raise Limits.Header") {
		t.Errorf("%v", err)
	}
	f, err := safetensors.Limits{Header: 8 << 20}.New(bytes.NewReader(b), int64(len(b)))
	if err != nil || f.Len() < 90_000 {
		t.Fatalf("%v, %d tensors", err, f.Len())
	}
	r, err := safetensors.Limits{Header: 8 << 20}.NewReader(bytes.NewReader(b))
	if err != nil || r.Len() != f.Len() {
		t.Fatal(err)
	}
	i := 0
	for info := range f.All() {
		if want := fmt.Sprintf("t%06d", 999_999-i); info.Name != want || info.Elements() != 1 {
			t.Fatalf("tensor %d is %+v, want %s", i, info, want)
		}
		if _, ok := f.Info(info.Name); !ok {
			t.Fatalf("%s is not found", info.Name)
		}
		i++
	}
	if i != f.Len() {
		t.Errorf("%d tensors of %d", i, f.Len())
	}
}
