package npy_test

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/simdrnn/simdrnn/convert/npy"
	"github.com/simdrnn/simdrnn/internal/numtest"
)

// raw is an .npy file of any version with any header and data.
func raw(major, minor byte, header string, data []byte) []byte {
	b := append([]byte("\x93NUMPY"), major, minor)
	if major == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(header)))
	}
	return append(append(b, header...), data...)
}

func dict(typ, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", typ, shape)
}

// array is an .npy file of numbers.
func array(typ, shape string, data any) []byte {
	order := binary.ByteOrder(binary.LittleEndian)
	if typ[0] == '>' {
		order = binary.BigEndian
	}
	b, err := binary.Append(nil, order, data)
	if err != nil {
		panic(err)
	}
	return raw(1, 0, dict(typ, shape), b)
}

// A zipped is an entry of a zip file, which may say anything.
type zipped struct {
	name, local     string // local: another name before the data
	method          uint16
	localMethod     int // 0: as method
	flags           uint16
	data            []byte // in the file
	size, packed    uint32
	crc             uint32
	extra           []byte // of the directory
	comment         string
	localExtra      int
	offset          int // 0: where it is
	sign, localSign string
}

func entry(name string, data []byte) zipped {
	return zipped{name: name, data: data, size: uint32(len(data)), packed: uint32(len(data)), crc: crc32.ChecksumIEEE(data)}
}

func deflated(name string, data []byte) zipped {
	e := entry(name, data)
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		panic(err)
	}
	w.Write(data)
	w.Close()
	e.method, e.data, e.packed = 8, b.Bytes(), uint32(b.Len())
	return e
}

// archive is a zip file of entries.
func archive(entries ...zipped) []byte {
	var b, dir []byte
	u16, u32 := binary.LittleEndian.AppendUint16, binary.LittleEndian.AppendUint32
	for _, e := range entries {
		at := len(b)
		if e.offset != 0 {
			at = e.offset
		}
		local, method := e.local, int(e.method)
		if local == "" {
			local = e.name
		}
		if e.localMethod != 0 {
			method = e.localMethod
		}
		or := func(s, other string) string {
			if s == "" {
				return other
			}
			return s
		}
		b = append(b, or(e.localSign, "PK\x03\x04")...)
		b = u16(u16(u16(b, 20), e.flags), uint16(method))
		b = u32(u32(u32(u32(b, 0), e.crc), e.packed), e.size)
		b = u16(u16(b, uint16(len(local))), uint16(e.localExtra))
		b = append(append(append(b, local...), make([]byte, e.localExtra)...), e.data...)

		dir = append(dir, or(e.sign, "PK\x01\x02")...)
		dir = u16(u16(u32(dir, 20|20<<16), e.flags), e.method)
		dir = u32(u32(u32(u32(dir, 0), e.crc), e.packed), e.size)
		dir = u16(u16(u16(dir, uint16(len(e.name))), uint16(len(e.extra))), uint16(len(e.comment)))
		dir = u32(u32(u32(dir, 0), 0), uint32(at))
		dir = append(append(append(dir, e.name...), e.extra...), e.comment...)
	}
	return append(append(b, dir...), endOf(len(entries), uint32(len(dir)), uint32(len(b)), "")...)
}

func endOf(n int, size, offset uint32, comment string) []byte {
	u16, u32 := binary.LittleEndian.AppendUint16, binary.LittleEndian.AppendUint32
	b := u32([]byte("PK\x05\x06"), 0)
	b = u32(u32(u16(u16(b, uint16(n)), uint16(n)), size), offset)
	return append(u16(b, uint16(len(comment))), comment...)
}

// readAll reads all arrays of a file in every way that there is, and returns the
// errors: of a File, a Reader, and an Archive that has the file stored and deflated.
func readAll(b []byte) map[string]error {
	errs := map[string]error{"file": nil, "stream": nil, "stored": nil, "deflated": nil}
	if f, err := npy.New(bytes.NewReader(b), int64(len(b))); err != nil {
		errs["file"] = err
	} else {
		_, errs["file"] = f.Float32()
	}
	r := npy.NewReader(iotest.OneByteReader(bytes.NewReader(b)))
	_, err := r.Next()
	for err == nil {
		if _, err = r.Float32(); err == nil {
			_, err = r.Next()
		}
	}
	if err != io.EOF {
		errs["stream"] = err
	}
	for how, e := range map[string]zipped{"stored": entry("a.npy", b), "deflated": deflated("a.npy", b)} {
		errs[how] = readArchive(archive(e))
	}
	return errs
}

// readArchive reads all arrays of an archive.
func readArchive(b []byte) error {
	a, err := npy.NewArchive(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return err
	}
	for name := range a.Names() {
		if _, err := a.Float32(name); err != nil {
			return err
		}
	}
	return nil
}

// expect fails unless an error is of the type, says why, and is short.
func expect(t *testing.T, err, as error, why string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", why)
	}
	var f *npy.FormatError
	var l *npy.LimitError
	var typ *npy.TypeError
	is := map[reflect.Type]bool{reflect.TypeOf(f): errors.As(err, &f), reflect.TypeOf(l): errors.As(err, &l), reflect.TypeOf(typ): errors.As(err, &typ)}
	if !is[reflect.TypeOf(as)] {
		t.Errorf("%T, want %T: %v", err, as, err)
	}
	if !regexp.MustCompile(`[;:] (the file .*: copy|save|read|scale|try) .*$`).MatchString(err.Error()) {
		t.Errorf("%.500v, which does not say what to do", err)
	}
	if !strings.Contains(err.Error(), why) || len(err.Error()) > 500 {
		t.Errorf("%.500v, want an error with %q", err, why)
	}
	if strings.Contains(why, "unexpected EOF") && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v is no io.ErrUnexpectedEOF", err)
	}
}

var formatError, limitError, typeError = &npy.FormatError{}, &npy.LimitError{}, &npy.TypeError{}

// Every .npy file that is none is refused by the same kind of error as a file, as a
// stream and in an archive.
func TestHostileArrays(t *testing.T) {
	four := make([]byte, 4)
	// head is a header with something else in place of a part.
	head := func(old, new string) []byte {
		h := dict("<f4", "(1,)")
		if !strings.Contains(h, old) {
			t.Fatal(old)
		}
		return raw(1, 0, strings.Replace(h, old, new, 1), four)
	}
	shape := func(s string) []byte { return head("(1,)", s) }
	for _, c := range []struct {
		name string
		file []byte
		as   error
		why  string
	}{
		{"a byte", []byte("\x93"), formatError, "the magic and the version take 8 bytes: unexpected EOF"},
		{"another beginning", []byte("hello, world"), formatError, `offset 0: it begins with "hello,", want "\x93NUMPY": this is no array`},
		{"another beginning, cut", []byte("\x93Nx"), formatError, `it begins with "\x93Nx"`},
		{"version 0.0", raw(0, 0, dict("<f4", "(1,)"), four), formatError, "offset 6: the version is 0.0, want 1.0, 2.0 or 3.0"},
		{"version 1.1", raw(1, 1, dict("<f4", "(1,)"), four), formatError, "the version is 1.1"},
		{"version 4.0", raw(4, 0, dict("<f4", "(1,)"), four), formatError, "the version is 4.0"},
		{"a length of a byte", []byte("\x93NUMPY\x01\x00\x10"), formatError, "offset 9: the length of the header takes 2 bytes: unexpected EOF"},
		{"a length of three bytes", []byte("\x93NUMPY\x02\x00\x10\x00\x00"), formatError, "the length of the header takes 4 bytes: unexpected EOF"},
		{"a header beyond the file", []byte("\x93NUMPY\x01\x00\xff\xff{'descr"), formatError, "the header has 65535 bytes: unexpected EOF"},
		{"a header of 4 GiB", []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr"), limitError, "4294967295 bytes of header, at most 65535 are taken"},
		{"a header of 64 KiB", raw(3, 0, strings.Repeat(" ", 1<<16), nil), limitError, "65536 bytes of header"},
		{"no header", raw(1, 0, "", four), formatError, "want '{', found the end of the header"},
		{"a header of spaces", raw(1, 0, strings.Repeat(" ", 54), four), formatError, "want '{', found the end of the header"},
		{"a header of zeros", raw(1, 0, "\x00\x00\x00", four), formatError, `want '{', found '\x00'`},
		{"a header that is a list", raw(1, 0, "['descr']", four), formatError, "want '{', found '['"},
		{"a call", raw(1, 0, "dict(descr='<f4')", four), formatError, "want '{', found 'd'"},
		{"a header that ends early", raw(1, 0, "{'descr': '<f4', ", four), formatError, "want a string, found the end of the header"},
		{"a key that is a number", head("'descr'", "1"), formatError, "want a string, found '1'"},
		{"a key of bytes", head("'descr'", "b'descr'"), formatError, "want a string, found 'b'"},
		{"a key with an escape", head("'descr'", `'d\x65scr'`), formatError, `a string with '\\'`},
		{"a key with a letter that is no ASCII", head("'descr'", "'d\u00e9scr'"), formatError, "a string with 'é'"},
		{"a key with a byte that is no letter", head("'descr'", "'d\xffscr'"), formatError, `a string with "\xff"`},
		{"a key without end", raw(1, 0, "{'descr", four), formatError, "a string that does not end"},
		{"a key with the other quote", head("'descr'", "'descr\""), formatError, "want ':', found '<'"},
		{"an unknown key", head("'descr'", "'strides'"), formatError, `"strides" is no key of a header`},
		{"a key too many", head("{", "{'x': 1, "), formatError, `"x" is no key of a header`},
		{"a long key", head("'descr'", "'"+strings.Repeat("x", 60_000)+"'"), formatError, `xxx"... is no key`},
		{"descr twice", head("{", "{'descr': '<f4', "), formatError, "the key descr comes twice"},
		{"fortran_order twice", head("{", "{'fortran_order': True, "), formatError, "the key fortran_order comes twice"},
		{"shape twice", head("{", "{'shape': (), "), formatError, "the key shape comes twice"},
		{"no descr", head("'descr': '<f4', ", ""), formatError, "want them all"},
		{"no order", head("'fortran_order': False, ", ""), formatError, "want them all"},
		{"no shape", head("'shape': (1,), ", ""), formatError, "want them all"},
		{"no colon", head("'descr':", "'descr'"), formatError, `want ':', found '\''`},
		{"no comma", head("False,", "False"), formatError, `want '}', found '\''`},
		{"two commas", head("False,", "False,,"), formatError, "want a string, found ','"},
		{"a comma alone", raw(1, 0, "{,}", four), formatError, "want a string, found ','"},
		{"no end", raw(1, 0, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)", four), formatError, "want '}', found the end of the header"},
		{"more behind it", head("}", "}}"), formatError, "'}' after the header's end"},
		{"zeros behind it", head("}\n", "}\x00"), formatError, `'\x00' after the header's end`},
		{"a comment", head("}", "} # x"), formatError, "'#' after the header's end"},
		{"the order as a number", head("False", "0"), formatError, "want True or False, found '0'"},
		{"the order as text", head("False", "'False'"), formatError, `want True or False, found '\''`},
		{"the order in small letters", head("False", "false"), formatError, "want True or False, found 'f'"},
		{"the order as a name", head("False", "Falsehood"), formatError, "want True or False, found 'F'"},
		{"the order as an expression", head("False", "False+1"), formatError, "want True or False, found 'F'"},
		{"the type as a number", head("'<f4'", "4"), formatError, "want a string, found '4'"},
		{"the type as None", head("'<f4'", "None"), formatError, "want a string, found 'N'"},
		{"the type as a tuple", head("'<f4'", "('<f4', {})"), formatError, "want a string, found '('"},
		{"the type as a list without end", head("'<f4'", "[('a', '<f4'"), formatError, "a description of a type that does not end"},
		{"the type as a list with a text without end", head("'<f4'", `[('a', "<f4')]`), formatError, "a description of a type that does not end"},
		{"the type as a list that ends with an escape", raw(1, 0, `{'descr': ['\`, four), formatError, "a description of a type that does not end"},
		{"a deep type", head("'<f4'", strings.Repeat("[(", 30_000)), formatError, "a description of a type that does not end"},

		{"a type of this machine", head("<f4", "=f4"), typeError, `the type "=f4", which this package does not read`},
		{"a type of no order", head("<f4", "f4"), typeError, `the type "f4"`},
		{"a type of four bytes in no order", head("<f4", "|f4"), typeError, `the type "|f4"`},
		{"a type by name", head("<f4", "float32"), typeError, `the type "float32"`},
		{"no type", head("<f4", ""), typeError, `the type ""`},
		{"a type of 3 bytes", head("<f4", "<f3"), typeError, `the type "<f3"`},
		{"a type of 1 byte that is a float", head("<f4", "|f1"), typeError, `the type "|f1"`},
		{"a type of 0 bytes", head("<f4", "<i0"), typeError, `the type "<i0"`},
		{"a type of a letter for its bytes", head("<f4", "<fx"), typeError, `the type "<fx"`},
		{"bools of 2 bytes", head("<f4", "<b2"), typeError, `the type "<b2"`},
		{"a pickle", head("<f4", "|O"), typeError, "objects, stored as a pickle"},
		{"a structured type with a deep one", head("'<f4'", strings.Repeat("[(", 10_000)+strings.Repeat(")]", 10_000)), typeError, "fields of a structured type"},

		{"a shape of a number", shape("1"), formatError, "want '(', found '1'"},
		{"a shape of a list", shape("[1]"), formatError, "want '(', found '['"},
		{"a shape of None", shape("None"), formatError, "want '(', found 'N'"},
		{"a number in brackets", shape("(1)"), formatError, "want ',', found ')'"},
		{"a comma in brackets", shape("(,)"), formatError, "found ','"},
		{"two commas in brackets", shape("(1,,)"), formatError, "found ','"},
		{"no comma in brackets", shape("(1 1)"), formatError, "want ',', found '1'"},
		{"no comma behind the second", shape("(1, 1 1)"), formatError, "want ',', found '1'"},
		{"brackets without end", shape("(1,"), formatError, "found ','"},
		{"brackets in brackets", shape("((1,),)"), formatError, "want a whole number of digits alone, found '('"},
		{"a deep shape", shape(strings.Repeat("(", 50_000)), formatError, "want a whole number of digits alone, found '('"},
		{"a negative number", shape("(-1,)"), formatError, "found '-'"},
		{"a number with a sign", shape("(+1,)"), formatError, "found '+'"},
		{"a number with a point", shape("(1.0,)"), formatError, "want ',', found '.'"},
		{"a number with an exponent", shape("(1e0,)"), formatError, "want ',', found 'e'"},
		{"a number with an underscore", shape("(1_0,)"), formatError, "want ',', found '_'"},
		{"a number of base 16", shape("(0x1,)"), formatError, "want ',', found 'x'"},
		{"a number with a zero before", shape("(01,)"), formatError, `begins with 0, "01"`},
		{"many zeros", shape("(" + strings.Repeat("0", 50_000) + ",)"), formatError, "begins with 0"},
		{"a bool as a number", shape("(True,)"), formatError, "found 'T'"},
		{"a text as a number", shape("('1',)"), formatError, `found '\''`},
		{"an expression", shape("(1*1,)"), formatError, "want ',', found '*'"},
		{"two letters of Python 2", shape("(1LL,)"), formatError, "want ',', found 'L'"},
		{"a letter of Python 2 in version 3", raw(3, 0, dict("<f4", "(1L,)"), four), formatError, "want ',', found 'L'"},
		{"a number of 2^64", shape("(18446744073709551616,)"), formatError, "too large, 184"},
		{"a number of 2^62", shape("(4611686018427387904,)"), formatError, "too large, 461"},
		{"a number of 2^61", shape("(2305843009213693951,)"), formatError, "more elements than fit in memory"},
		{"a number of 60,000 digits", shape("(" + strings.Repeat("9", 60_000) + ",)"), formatError, "too large, 999"},
		{"a product beyond memory", shape("(4294967296, 4294967296)"), formatError, "more elements than fit in memory"},
		{"a product that wraps to one", shape("(2147483649, 2147483648, 2, 1)"), formatError, "more elements than fit in memory"},
		{"bytes that wrap", shape("(2305843009213693952,)"), formatError, "more elements than fit in memory"},
		{"65 dimensions", shape("(" + strings.Repeat("1,", 65) + ")"), limitError, "65 dimensions of an array, at most 64 are taken"},
		{"20,000 dimensions", shape("(" + strings.Repeat("1,", 20_000) + ")"), limitError, "65 dimensions of an array"},

		{"no data", raw(1, 0, dict("<f4", "(1,)"), nil), formatError, "unexpected EOF"},
		{"a part of an element", raw(1, 0, dict("<f4", "(1,)"), four[:3]), formatError, "unexpected EOF"},
		{"large and tiny", shape("(1000, 1000)"), formatError, "unexpected EOF"},
		{"very large and tiny", shape("(100000, 1000, 1)"), formatError, "unexpected EOF"},
		{"a scalar without data", raw(1, 0, dict("<f8", "()"), four), formatError, "unexpected EOF"},
		{"a bool of 2", raw(1, 0, dict("|b1", "(3,)"), []byte{0, 1, 2}), formatError, "element 2, of type |b1, is the byte 2, want 0 or 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, err := range readAll(c.file) {
				expect(t, err, c.as, c.why)
			}
		})
	}
	// Nothing at all is a stream without arrays.
	errs := readAll(nil)
	expect(t, errs["file"], formatError, "the file is empty: unexpected EOF")
	expect(t, errs["stored"], formatError, `array "a", offset 0: the array is empty: unexpected EOF`)
	expect(t, errs["deflated"], formatError, `the array is empty: unexpected EOF`)
	if errs["stream"] != nil {
		t.Error(errs["stream"])
	}
	// A byte more: of a stream it is where the next array would begin.
	errs = readAll(append(array("<f4", "(1,)", []float32{1}), 0))
	for _, how := range []string{"file", "stored", "deflated"} {
		expect(t, errs[how], formatError, "1 bytes follow the array")
	}
	expect(t, errs["stream"], formatError, `it begins with "\x00"`)
}

// What is unusual and valid is taken.
func TestUnusualHeaders(t *testing.T) {
	for name, b := range map[string][]byte{
		"no spaces":         raw(1, 0, "{'descr':'<f4','fortran_order':False,'shape':(1,)}", make([]byte, 4)),
		"spaces everywhere": raw(2, 0, " {\t'descr' :\n'<f4' ,\r'fortran_order' : False , 'shape' : ( 1 , 1 , ) , } \n", make([]byte, 4)),
		"another order":     raw(3, 0, "{'shape': (2,1), 'fortran_order': True, 'descr': '>f2'}", make([]byte, 4)),
		"other quotes":      raw(1, 0, `{"descr": "<f4", "fortran_order": False, "shape": ()}`, make([]byte, 4)),
		"Python 2":          raw(1, 0, "{'descr': '<f4', 'fortran_order': False, 'shape': (1L, 1L), }", make([]byte, 4)),
		"Python 2, once":    raw(2, 0, "{'descr': '<f4', 'fortran_order': False, 'shape': (1L,), }", make([]byte, 4)),
		"a byte in order":   raw(1, 0, dict(">u1", "(2, 2)"), make([]byte, 4)),
		"no elements":       raw(1, 0, dict("<f8", "(0, 100000000)"), nil),
		"64 dimensions":     raw(1, 0, dict("<f4", "("+strings.Repeat("1, ", 64)+")"), make([]byte, 4)),
		"65,535 bytes":      raw(1, 0, dict("<f4", "()")+strings.Repeat(" ", 65535-len(dict("<f4", "()"))), make([]byte, 4)),
	} {
		for how, err := range readAll(b) {
			if err != nil {
				t.Errorf("%s as %s: %v", name, how, err)
			}
		}
	}
}

// Every archive that is none, or that two programs would read differently, is refused.
func TestHostileArchives(t *testing.T) {
	one := array("<f4", "(1,)", []float32{1})
	with := func(change func(e *zipped)) []byte {
		e := entry("a.npy", one)
		change(&e)
		return archive(e)
	}
	pack := func(change func(e *zipped)) []byte {
		e := deflated("a.npy", array("<f4", "(1000,)", make([]float32, 1000)))
		change(&e)
		return archive(e)
	}
	two := archive(entry("a.npy", one), entry("b.npy", one))
	good := archive(entry("a.npy", one))
	// end changes the last 22 bytes.
	end := func(at int, b ...byte) []byte {
		file := slices.Clone(good)
		copy(file[len(file)-22+at:], b)
		return file
	}
	wide := func(numbers ...uint64) []byte {
		b := binary.LittleEndian.AppendUint16([]byte{1, 0}, uint16(8*len(numbers)))
		for _, n := range numbers {
			b = binary.LittleEndian.AppendUint64(b, n)
		}
		return b
	}
	for _, c := range []struct {
		name string
		file []byte
		as   error
		why  string
	}{
		{"nothing", nil, formatError, "no directory: this is no archive, or it has been cut off: unexpected EOF"},
		{"text", []byte("hello, this is text without an end"), formatError, "no directory: this is no archive"},
		{"one array", one, formatError, "this is no archive but one array: read it by Open"},
		{"the first part of an archive", good[:len(good)-30], formatError, "it has been cut off: unexpected EOF"},
		{"a byte behind it", append(slices.Clone(good), 0), formatError, "no directory"},
		{"a byte before it", append([]byte{0}, good...), formatError, "want it to end here"},
		{"a comment that is longer", end(20, 5, 0), formatError, "no directory"},
		{"a second part", end(4, 1, 0, 0, 0), formatError, "one of several parts"},
		{"a directory on another part", end(6, 1, 0), formatError, "one of several parts"},
		{"entries elsewhere", end(8, 0, 0), formatError, "one of several parts"},
		{"an entry less", end(8, 0, 0, 0, 0), formatError, "the directory has 1 entries, the end of the file says 0"},
		{"an entry more", end(8, 2, 0, 2, 0), formatError, "the directory has 1 entries, the end of the file says 2"},
		{"65,535 entries", end(8, 255, 255, 255, 255), formatError, "says 65535"},
		{"a directory of 4 GiB", end(12, 255, 255, 255, 255), formatError, "the directory has 4294967295 bytes"},
		{"a directory of no bytes", end(12, 0, 0, 0, 0), formatError, "the directory has 0 bytes"},
		{"a directory beyond the file", end(16, 0, 255, 255, 255), formatError, "want it to end here"},
		{"a directory that begins later", end(12, 50, 0, 0, 0, byte(len(good)-22-50), 0, 0, 0), formatError, "where an entry begins"},
		{"another sign in the directory", with(func(e *zipped) { e.sign = "PK\x01\x03" }), formatError, `the directory has "PK\x01\x03" where an entry begins`},
		{"a name beyond the directory", func() []byte {
			b := slices.Clone(good)
			b[len(b)-22-5-46+28] = 200
			return b
		}(), formatError, "an entry of 246 bytes, the directory ends after 51"},

		{"a name twice", archive(entry("a.npy", one), entry("b.npy", one), entry("a.npy", one)), formatError, `array "a", offset`},
		{"an entry that is no array", archive(entry("a.npy", one), entry("readme.txt", []byte("hello"))), formatError, `the entry "readme.txt" is no array`},
		{"a folder", archive(entry("a/", nil), entry("a/b.npy", one)), formatError, `the entry "a/" is no array`},
		{"a model of PyTorch", archive(entry("model/data.pkl", []byte("\x80\x02"))), formatError, "this is no file of np.savez"},
		{"a suffix in capitals", archive(entry("a.NPY", one)), formatError, "is no array"},
		{"a name that is no UTF-8", with(func(e *zipped) { e.name, e.flags = "\xff.npy", 1<<11 }), formatError, "is no UTF-8"},
		{"a name of an unknown alphabet", with(func(e *zipped) { e.name = "\u00e9.npy" }), formatError, "is no UTF-8"},
		{"an entry that is encrypted", with(func(e *zipped) { e.flags = 1 }), formatError, `the array "a" is encrypted`},
		{"bzip2", with(func(e *zipped) { e.method = 12 }), formatError, "packed by method 12, want 0 (stored) or 8 (deflated)"},
		{"stored in fewer bytes", with(func(e *zipped) { e.packed-- }), formatError, "bytes stored in"},
		{"more bytes than the file", with(func(e *zipped) { e.packed, e.size = 1<<30, 1<<30 }), formatError, "before a directory at"},
		{"an offset beyond", with(func(e *zipped) { e.offset = 1 << 30 }), formatError, "before a directory at"},
		{"sizes of 64 bits without them", with(func(e *zipped) { e.packed, e.size = 1<<32-1, 1<<32-1 }), formatError, "without its 64 bits"},
		{"sizes of 64 bits, one of them", with(func(e *zipped) { e.packed, e.size, e.extra = 1<<32-1, 1<<32-1, wide(uint64(len(one))) }), formatError, "without its 64 bits"},
		{"sizes of 64 bits in a field that is cut", with(func(e *zipped) { e.size, e.extra = 1<<32-1, wide(1)[:10] }), formatError, "without its 64 bits"},
		{"a size of 2^63", with(func(e *zipped) { e.packed, e.size, e.extra = 1<<32-1, 1<<32-1, wide(1<<63, 1<<63) }), formatError, "before a directory at"},
		{"a size of 2^64-1", with(func(e *zipped) { e.packed, e.size, e.extra = 1<<32-1, 1<<32-1, wide(1<<64-1, 1<<64-1) }), formatError, "before a directory at"},

		{"the same bytes twice", archive(entry("a.npy", one), func() zipped { e := entry("b.npy", one); e.offset = 1; return e }()), formatError, "they overlap"},
		{"an entry in the header of the next", func() []byte {
			b := slices.Clone(two)
			copy(b[len(b)-22-51-4-5:], []byte{10, 0, 0, 0}) // the offset of the first one
			return b
		}(), formatError, "they overlap"},
		{"a header that pushes the data away", with(func(e *zipped) { e.localExtra = 0; e.local = "a.npy"; e.data = one[:len(one)-10] }), formatError, "they overlap"},
		{"a local header of another sign", with(func(e *zipped) { e.localSign = "PK\x03\x05" }), formatError, `begins with "PK\x03\x05"`},
		{"a local header of another name", with(func(e *zipped) { e.local = "b.npy" }), formatError, `is called "b.npy"`},
		{"a local header of a longer name", with(func(e *zipped) { e.local = "ab.npy"; e.data = append(e.data, 0, 0) }), formatError, "has a name of 6 bytes, the directory one of 5"},
		{"a local header of another method", with(func(e *zipped) { e.localMethod = 8 }), formatError, "packed by method 8, the directory says 0"},

		{"a local header with a field that is not there", func() []byte {
			b := slices.Clone(good)
			b[28]++
			return b
		}(), formatError, "they overlap"},
		{"an array of fewer bytes than its header", with(func(e *zipped) {
			e.data = deflated("", raw(1, 0, dict("|O", "()"), nil)).data
			e.method, e.packed, e.size = 8, uint32(len(e.data)), 20
		}), formatError, "the header has 55 bytes: unexpected EOF"},

		{"another checksum", with(func(e *zipped) { e.crc++ }), formatError, "the data is damaged"},
		{"another checksum, deflated", pack(func(e *zipped) { e.crc++ }), formatError, "the data is damaged"},
		{"a checksum of zero", with(func(e *zipped) { e.crc = 0 }), formatError, "the data is damaged"},
		{"no deflated data", pack(func(e *zipped) { e.data, e.packed = make([]byte, 50), 50 }), formatError, "corrupt"},
		{"deflated data that ends early", pack(func(e *zipped) { e.data, e.packed = e.data[:len(e.data)-5], e.packed-5 }), formatError, "unexpected EOF"},
		{"less than it says", pack(func(e *zipped) { e.size++ }), formatError, "1 bytes follow the array"},
		{"more than it says", pack(func(e *zipped) { e.size-- }), formatError, "unexpected EOF"},
		{"an array of less, in data of more", func() []byte {
			e := deflated("a.npy", append(array("<f4", "(1,)", []float32{1}), make([]byte, 5000)...))
			e.size = uint32(len(one))
			return archive(e)
		}(), formatError, "it inflates to more than the"},
		{"a bomb by its size", pack(func(e *zipped) { e.size = 1 << 30 }), formatError, "which can be at most 1032 times as many"},
		{"a bomb by its shape", func() []byte {
			return archive(deflated("a.npy", raw(1, 0, dict("<f4", "(250000000,)"), make([]byte, 4096))))
		}(), formatError, "takes 1000000000 bytes, there are 4096: unexpected EOF"},
		{"a bomb by both", func() []byte {
			e := deflated("a.npy", raw(1, 0, dict("<f4", "(250000,)"), make([]byte, 4096)))
			e.size = uint32(len(raw(1, 0, dict("<f4", "(250000,)"), nil))) + 1_000_000
			e.data = append(e.data, make([]byte, 2000)...)
			e.packed += 2000
			return archive(e)
		}(), formatError, "unexpected EOF"},
	} {
		t.Run(c.name, func(t *testing.T) { expect(t, readArchive(c.file), c.as, c.why) })
	}
	if err := readArchive(good); err != nil {
		t.Error(err)
	}
	if err := readArchive(two); err != nil {
		t.Error(err)
	}
	big := strings.Repeat("x", 65000) + ".npy"
	var entries []zipped
	for i := range 260 {
		entries = append(entries, entry(fmt.Sprint(i)+big, one))
	}
	expect(t, readArchive(archive(entries...)), limitError, "bytes of directory, at most 16777216 are taken")
}

// What is unusual and valid: other programs' zip files.
func TestUnusualArchives(t *testing.T) {
	one := array("<f4", "(1,)", []float32{1})
	read := func(name string, b []byte, want string) {
		t.Helper()
		a, err := npy.NewArchive(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if names := fmt.Sprintf("%q", slices.Collect(a.Names())); names != want {
			t.Errorf("%s: %s, want %s", name, names, want)
		}
		check(t, readArchive(b))
	}
	read("no entries", archive(), `[]`)
	e := entry("../../a\\b.npy", one)
	e.comment, e.localExtra, e.extra = "a comment", 20, []byte{9, 9, 2, 0, 1, 1}
	read("a comment, extra fields, a path", archive(e), `["../../a\\b"]`)
	e = entry("\u00e9.npy", one)
	e.flags = 1 << 11
	read("a name of UTF-8", archive(e), `["é"]`)
	e = entry("a.npy", one)
	n := uint64(len(one))
	e.size, e.packed = 1<<32-1, 1<<32-1
	e.extra = append([]byte{9, 9, 0, 0, 1, 0, 16, 0}, binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, n), n)...)
	read("sizes of 64 bits", archive(e), `["a"]`)
	// An end of 64 bits, with a comment behind the other.
	b := archive(entry("a.npy", one))
	dir := len(b) - 22
	end := []byte("PK\x06\x06")
	u64 := binary.LittleEndian.AppendUint64
	end = u64(end, 44)
	end = append(end, 45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	end = u64(u64(u64(u64(end, 1), 1), 51), uint64(dir-51))
	end = append(end, "PK\x06\x07\x00\x00\x00\x00"...)
	end = append(u64(end, uint64(dir)), 1, 0, 0, 0)
	last := endOf(65535, 1<<32-1, 1<<32-1, "a comment, PK\x05\x06 and the like")
	read("an end of 64 bits", append(append(slices.Clone(b[:dir]), end...), last...), `["a"]`)
	damaged := append(append(slices.Clone(b[:dir]), end...), last...)
	damaged[dir+24]++ // entries here
	expect(t, readArchive(damaged), formatError, "several parts")
}

// A file that is cut anywhere is refused, and one with a bit turned is refused or says
// something else. In an archive no turned bit goes unnoticed but those that say nothing.
func TestTruncatedAndDamaged(t *testing.T) {
	whole := array(">f8", "(2, 1)", []float64{0.5, -3})
	for n := range whole {
		errs := readAll(whole[:n])
		for how, err := range errs {
			if !errors.Is(err, io.ErrUnexpectedEOF) && (n > 0 || how != "stream") {
				t.Fatalf("%v for the first %d bytes as %s", err, n, how)
			}
		}
	}
	same := "[2 1] >f8 [0.5 -3]"
	describe := func(b []byte) string {
		f, err := npy.New(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return err.Error()
		}
		v, err := f.Float32()
		return fmt.Sprintf("%v %v %v%.0v", f.Info().Shape, f.Info().Type, v, err)
	}
	if got := describe(whole); !strings.HasPrefix(got, same) {
		t.Fatal(got)
	}
	for bit := range 8 * len(whole) {
		damaged := slices.Clone(whole)
		damaged[bit/8] ^= 1 << (bit % 8)
		if got := describe(damaged); strings.HasPrefix(got, same) && bytes.IndexByte([]byte(" \n\t\r"), damaged[bit/8]) < 0 && bit/8 < len(whole)-16 && bit/8 != 6 {
			t.Errorf("bit %d is turned and nothing is different: %q", bit, damaged)
		}
	}
	for _, name := range []string{"refused.npz", "orders.npz"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		step := len(b)/2000 + 1
		for n := 0; n < len(b); n += step {
			if a, err := npy.NewArchive(bytes.NewReader(b[:n]), int64(n)); a != nil || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%s: %v for the first %d bytes of %d", name, err, n, len(b))
			}
		}
	}
	for _, b := range [][]byte{archive(entry("a.npy", whole)), archive(deflated("a.npy", slices.Concat(array("<f4", "(300,)", make([]float32, 300)))))} {
		v, err := npy.NewArchive(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprint(v.Float32("a"))
		silent := 0
		for bit := range 8 * len(b) {
			damaged := slices.Clone(b)
			damaged[bit/8] ^= 1 << (bit % 8)
			a, err := npy.NewArchive(bytes.NewReader(damaged), int64(len(damaged)))
			if err != nil {
				continue
			}
			switch v, err := a.Float32("a"); {
			case err == nil && fmt.Sprint(v, err) != want:
				t.Errorf("bit %d of byte %d is turned and other numbers come", bit%8, bit/8)
			case err == nil:
				silent++
			}
		}
		// Of the local header all but sign, method, name and lengths is repeated in the
		// directory; there times, versions, attributes and flags say nothing about arrays.
		if silent > 8*46 {
			t.Errorf("%d bits of %d are turned unnoticed", silent, 8*len(b))
		}
	}
}

// A read that fails is an error that says where, and wraps what the reader said.
func TestReadErrors(t *testing.T) {
	b := array("<f4", "(3,)", []float32{1, 2, 3})
	broken := errors.New("broken")
	for n := range b {
		r := npy.NewReader(io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(broken)))
		_, err := r.Next()
		if err == nil {
			if _, err = r.Float32(); err == nil {
				t.Fatalf("no error after %d bytes", n)
			}
			if _, again := r.Float32(); again != err {
				t.Errorf("then %v", again)
			}
		}
		if _, again := r.Next(); again != err {
			t.Errorf("then %v", again)
		}
		if f := (*npy.FormatError)(nil); n > 0 && (!errors.As(err, &f) || f.Offset != int64(n)) || !errors.Is(err, broken) {
			t.Errorf("%v after %d bytes", err, n)
		}
	}
	// What is passed over ends early.
	r := npy.NewReader(bytes.NewReader(b[:len(b)-2]))
	must(r.Next())
	if _, err := r.Next(); !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), fmt.Sprintf("offset %d: the data of an array ends 2 bytes later", len(b)-2)) {
		t.Error(err)
	}
	// So does what comes behind an element out of range: of few elements, which are
	// read at once, of more, and of so many that their bytes come first.
	for _, n := range []int{3, 20_000, 100_000} {
		numbers := make([]int64, n)
		numbers[0] = 1 << 40
		far := array("<i8", fmt.Sprintf("(%d,)", n), numbers)
		for _, end := range []error{io.EOF, broken} {
			r = npy.NewReader(io.MultiReader(bytes.NewReader(far[:len(far)-2]), iotest.ErrReader(end)))
			must(r.Next())
			var ranged *npy.RangeError
			if _, err := r.Int32(); err == nil || errors.As(err, &ranged) != (n == 20_000) {
				t.Errorf("%v of %d elements", err, n)
			}
			_, err := r.Next()
			if want := map[bool]error{true: io.ErrUnexpectedEOF, false: broken}[end == io.EOF]; !errors.Is(err, want) || !strings.Contains(err.Error(), fmt.Sprintf("offset %d: ", len(far)-2)) || !strings.Contains(err.Error(), "ends 2 bytes later") {
				t.Errorf("%v after %d elements", err, n)
			}
		}
	}
	// Files that became shorter after they were opened.
	f := must(npy.New(bytes.NewReader(b[:len(b)-2]), int64(len(b))))
	if _, err := f.Float32(); !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "its data ends 2 bytes later") {
		t.Error(err)
	}
	z := archive(entry("a.npy", b))
	gone := &vanishing{z, len(z)}
	a := must(npy.NewArchive(gone, int64(len(z))))
	for gone.left = range 30 + 5 + len(b) {
		if _, err := a.Float32("a"); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%v of an archive of which %d bytes are left", err, gone.left)
		}
	}
	for _, name := range []string{"dst has 2 elements, the array 3", `dst has 2 elements, array "a" 3`} {
		func() {
			defer func() {
				if said := fmt.Sprint(recover()); !strings.Contains(said, name) {
					t.Errorf("the panic says %s, want %s", said, name)
				}
			}()
			if strings.Contains(name, `"a"`) {
				must(npy.NewArchive(bytes.NewReader(z), int64(len(z)))).Read(make([]float32, 2), "a")
			} else {
				f.Read(make([]float32, 2))
			}
		}()
	}
}

// A vanishing file has only its first bytes left.
type vanishing struct {
	b    []byte
	left int
}

func (v *vanishing) ReadAt(b []byte, off int64) (int, error) {
	return bytes.NewReader(v.b[:v.left]).ReadAt(b, off)
}

// Open takes regular files; a folder is none.
func TestOpenRefuses(t *testing.T) {
	name := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(name, []byte("12345678"), 0o666); err != nil {
		t.Fatal(err)
	}
	for how, open := range map[string]func(string) error{
		"Open":        func(name string) error { _, err := npy.Open(name); return err },
		"OpenArchive": func(name string) error { _, err := npy.OpenArchive(name); return err },
	} {
		if err := open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no regular file") {
			t.Errorf("%s: %v for a folder", how, err)
		}
		if err := open(filepath.Join(t.TempDir(), "x")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v for no file", how, err)
		}
		if err := open(name); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s: %v for a bad file", how, err)
		}
	}
	if _, err := npy.New(bytes.NewReader(nil), -1); err == nil {
		t.Error("no error for a size of -1")
	}
	if _, err := npy.NewArchive(bytes.NewReader(nil), -1); err == nil {
		t.Error("no error for a size of -1")
	}
}

// Whatever a file says, opening it takes less than twice its size and 1 MiB, and so
// does reading an array, with the slice that comes of elements of 4 bytes.
func TestAllocation(t *testing.T) {
	const most = 4 << 20
	big := make([]float32, most/4)
	arrays := map[string][]byte{
		"a header that is not there": []byte("\x93NUMPY\x02\x00\x00\x00\x40\x00{"),
		"data that is not there":     raw(1, 0, dict("<f4", "(100000000,)"), nil),
		"bytes that are not there":   raw(1, 0, dict("|u1", "(250000000,)"), make([]byte, 300_000)),
		"half of it":                 raw(1, 0, dict("<f4", "(1000000,)"), make([]byte, 2_000_000)),
		"a long type":                raw(1, 0, strings.Replace(dict("<f4", "(1,)"), "'<f4'", "["+strings.Repeat("()", 32_000)+"]", 1), make([]byte, 4)),
		"a long text":                raw(1, 0, dict(strings.Repeat("x", 65_000), "(1,)"), make([]byte, 4)),
		"floats":                     array("<f4", fmt.Sprintf("(%d,)", len(big)), big),
		"floats, turned":             array(">f4", fmt.Sprintf("(%d,)", len(big)), big),
		"Fortran":                    raw(1, 0, strings.Replace(dict("<f4", "(1024, 1024)"), "False", "True", 1), make([]byte, most)),
		"doubles":                    raw(1, 0, dict("<f8", "(500000,)"), make([]byte, 4_000_000)),
	}
	within := func(what string, size int, f func()) {
		t.Helper()
		if got, limit := numtest.Allocated(f), int64(2*size+1<<20); got > limit {
			t.Errorf("%s: %d bytes allocated for %d, want at most %d", what, got, size, limit)
		}
	}
	for name, b := range arrays {
		within(name+" as a file", len(b), func() {
			if f, err := npy.New(bytes.NewReader(b), int64(len(b))); err == nil {
				f.Float32()
			}
		})
		within(name+" as a stream", len(b), func() {
			r := npy.NewReader(bytes.NewReader(b))
			if _, err := r.Next(); err == nil {
				r.Float32()
			}
		})
		stored, packed := archive(entry("a.npy", b)), archive(deflated("a.npy", b))
		within(name+" in an archive", len(stored), func() { readArchive(stored) })
		within(name+" in a deflated archive", len(b), func() { readArchive(packed) })
		within(name+" in the directory", len(packed), func() {
			if a, err := npy.NewArchive(bytes.NewReader(packed), int64(len(packed))); err == nil {
				a.Info("a")
			}
		})
	}
	// Directories of entries of few bytes.
	one := array("|u1", "()", []uint8{1})
	tiny := func(name func(i int) string, data []byte) []byte {
		var entries []zipped
		for size := 0; size < most; size += 46 + len(entries[len(entries)-1].name) {
			e := entry(name(len(entries)), data)
			entries = append(entries, e)
		}
		return archive(entries...)
	}
	directories := map[string][]byte{
		"many entries":      tiny(func(i int) string { return fmt.Sprintf("%d.npy", 100_000-i) }, one),
		"many empty ones":   tiny(func(i int) string { return fmt.Sprintf("%d.npy", 100_000-i) }, nil),
		"one name":          tiny(func(i int) string { return ".npy" }, nil),
		"names of 1000":     tiny(func(i int) string { return strings.Repeat("y", 1000) + fmt.Sprintf("%d.npy", i) }, nil),
		"entries elsewhere": archive(slices.Repeat([]zipped{{name: ".npy", offset: 1}}, 60_000)...),
	}
	short := deflated("1.npy", raw(1, 0, dict("<f4", "(1000000,)"), make([]byte, 300_000)))
	short.size, short.packed = uint32(4_000_000+len(raw(1, 0, dict("<f4", "(1000000,)"), nil))), 4000
	short.data = append(short.data, make([]byte, 4000-len(short.data))...)
	directories["deflated data that ends early"] = archive(short)
	for name, b := range directories {
		within(name, len(b), func() {
			a, err := npy.NewArchive(bytes.NewReader(b), int64(len(b)))
			if err != nil {
				_ = err.Error()
				return
			}
			for range a.Names() {
			}
			a.Float32("1")
		})
	}
}

// What inflating takes is used again.
func TestInflatersStay(t *testing.T) {
	b := archive(deflated("a.npy", array("<f4", "(1,)", []float32{1})))
	a, err := npy.NewArchive(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	got := numtest.Allocated(func() {
		for range 100 {
			if _, err := a.Info("a"); err != nil {
				t.Error(err)
			}
		}
	})
	// The race detector drops a quarter of what is put into a pool.
	if got > 3_500_000 {
		t.Errorf("%d bytes allocated for a hundred headers", got)
	}
}
