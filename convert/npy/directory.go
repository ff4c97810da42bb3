package npy

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// What a zip file consists of: records of these signatures and sizes, without the
// names and what else follows them.
const (
	localSign, localBytes         = "PK\x03\x04", 30
	recordSign, recordBytes       = "PK\x01\x02", 46
	endSign, endBytes             = "PK\x05\x06", 22
	end64Sign, end64Bytes         = "PK\x06\x06", 56
	locator64Sign, locator64Bytes = "PK\x06\x07", 20

	stored, deflated = 0, 8

	// maxRatio is the most that deflate makes of a byte: a match of 258 bytes takes
	// two bits at least.
	maxRatio = 1032

	// maxDirectory limits the time that sorting takes: some 200,000 arrays.
	maxDirectory = 16 << 20

	suffix = ".npy"
)

var little = binary.LittleEndian

// A directory is that of a zip file, read and checked. It keeps the bytes of the file,
// and of each entry the place there: a few bytes for each 46 at least, whatever the
// file says. (The reader of archive/zip takes several hundred.)
type directory struct {
	text   string
	start  int64    // in the file: entries end before
	names  []uint32 // the entries in the order of their names
	places []uint32 // and in the order of their data
}

// An entry is one array of an archive.
type entry struct {
	name         string // without the suffix
	method       uint16
	crc          uint32
	packed, size uint64 // bytes in the file, and of the array
	offset       uint64 // of the local header
}

// readDirectory reads the directory of a file of size bytes.
func readDirectory(r io.ReaderAt, size int64) (*directory, error) {
	start, length, count, err := findDirectory(r, size)
	if err != nil {
		return nil, err
	}
	if length > maxDirectory {
		return nil, &LimitError{What: "bytes of directory", Got: length, Max: maxDirectory}
	}
	d := &directory{start: start}
	var text strings.Builder
	text.Grow(int(length))
	if n, err := io.Copy(&text, io.NewSectionReader(r, start, int64(length))); err != nil || n < int64(length) {
		return nil, ended(&FormatError{Offset: start + n, Reason: fmt.Sprintf("the directory has %d bytes", length)}, cmp.Or(err, io.EOF))
	}
	d.text = text.String()
	n := uint64(0)
	for at := 0; at < len(d.text); n++ {
		_, bytes, err := d.parse(at)
		if err != nil {
			return nil, err
		}
		at += bytes
	}
	if n != count {
		return nil, &FormatError{Offset: start, Reason: fmt.Sprintf("the directory has %d entries, the end of the file says %d", n, count)}
	}
	d.names = make([]uint32, 0, n)
	for at := 0; at < len(d.text); {
		d.names = append(d.names, uint32(at))
		_, bytes, _ := d.parse(at)
		at += bytes
	}
	d.places = slices.Clone(d.names)
	return d, d.arrange()
}

// findDirectory returns where the directory of a file is and how many entries it has,
// which the end of the file says.
func findDirectory(r io.ReaderAt, size int64) (start int64, length, count uint64, err error) {
	// The end may have a comment behind it.
	b := make([]byte, min(size, endBytes+1<<16-1))
	last := size - int64(len(b))
	if n, err := r.ReadAt(b, last); n < len(b) {
		return 0, 0, 0, ended(&FormatError{Offset: last + int64(n), Reason: "the end of the file cannot be read"}, err)
	}
	at := len(b) - endBytes
	for ; at >= 0; at-- {
		if string(b[at:at+4]) == endSign && at+endBytes+int(little.Uint16(b[at+20:])) == len(b) {
			break
		}
	}
	if at < 0 {
		err := &FormatError{Offset: size, Reason: "no directory: this is no archive"}
		switch {
		case bytes.HasPrefix(b, []byte(magic)) && last == 0:
			err.Reason, err.told = err.Reason+" but one array: read it by Open", true
		case last > 0 || bytes.HasPrefix(b, []byte("PK")) || len(b) < 2:
			err.Reason, err.Err = "no directory: this is no archive, or it has been cut off", io.ErrUnexpectedEOF
		}
		return 0, 0, 0, err
	}
	end := last + int64(at)
	b = b[at:]
	disk, count, length, offset := little.Uint32(b[4:]), uint64(little.Uint16(b[10:])), uint64(little.Uint32(b[12:])), uint64(little.Uint32(b[16:]))
	here := uint64(little.Uint16(b[8:]))
	if disk == 1<<32-1 || here == 1<<16-1 || count == 1<<16-1 || length == 1<<32-1 || offset == 1<<32-1 {
		if at64, b := find64(r, end); b != nil {
			end = at64
			disk = little.Uint32(b[16:]) | little.Uint32(b[20:])
			here, count, length, offset = little.Uint64(b[24:]), little.Uint64(b[32:]), little.Uint64(b[40:]), little.Uint64(b[48:])
		}
	}
	switch {
	case disk != 0 || here != count:
		return 0, 0, 0, &FormatError{Offset: end, Reason: "the archive is one of several parts"}
	case offset > uint64(end) || length != uint64(end)-offset:
		return 0, 0, 0, &FormatError{Offset: end, Reason: fmt.Sprintf("the directory has %d bytes at %d, want it to end here", length, offset)}
	}
	return int64(offset), length, count, nil
}

// find64 returns the end that files have, before the end, with numbers of 64 bits, and
// where that is; nil if there is none.
func find64(r io.ReaderAt, end int64) (int64, []byte) {
	at := end - locator64Bytes - end64Bytes
	if at < 0 {
		return 0, nil
	}
	b := make([]byte, end64Bytes+locator64Bytes)
	if n, _ := r.ReadAt(b, at); n < len(b) {
		return 0, nil
	}
	locator := b[end64Bytes:]
	if string(b[:4]) != end64Sign || string(locator[:4]) != locator64Sign || little.Uint64(locator[8:]) != uint64(at) || little.Uint64(b[4:]) != end64Bytes-12 {
		return 0, nil
	}
	return at, b
}

// parse reads the record at a place of the directory and returns its length.
func (d *directory) parse(at int) (e entry, length int, err error) {
	b := d.text[at:min(at+recordBytes, len(d.text))]
	bad := func(format string, a ...any) (entry, int, error) {
		return e, 0, &FormatError{Offset: d.start + int64(at), Reason: fmt.Sprintf(format, a...)}
	}
	if len(b) < recordBytes || b[:4] != recordSign {
		return bad("the directory has %q where an entry begins, want %q and %d bytes in all", b[:min(4, len(b))], recordSign, recordBytes)
	}
	flags := u16(b[8:])
	e.method, e.crc = u16(b[10:]), u32(b[16:])
	e.packed, e.size, e.offset = uint64(u32(b[20:])), uint64(u32(b[24:])), uint64(u32(b[42:]))
	name, extra, comment := int(u16(b[28:])), int(u16(b[30:])), int(u16(b[32:]))
	length = recordBytes + name + extra + comment
	if length > len(d.text)-at {
		return bad("an entry of %d bytes, the directory ends after %d", length, len(d.text)-at)
	}
	rest := d.text[at+recordBytes:]
	file, ok := strings.CutSuffix(rest[:name], suffix)
	e.name = file
	ascii := !strings.ContainsFunc(file, func(r rune) bool { return r >= utf8.RuneSelf })
	switch {
	case !ok:
		return bad("the entry %s is no array, whose name would end with %s; this is no file of np.savez", quote(rest[:name]), suffix)
	case flags&1 != 0:
		return bad("the array %s is encrypted", quote(file))
	case flags&(1<<11) == 0 && !ascii || !utf8.ValidString(file):
		return bad("the name %s is no UTF-8", quote(file))
	case e.method != stored && e.method != deflated:
		return bad("the array %s is packed by method %d, want 0 (stored) or 8 (deflated)", quote(file), e.method)
	case !wide(rest[name:name+extra], &e.size, &e.packed, &e.offset):
		return bad("the array %s has a size without its 64 bits", quote(file))
	case e.method == stored && e.packed != e.size:
		return bad("the array %s has %d bytes stored in %d", quote(file), e.size, e.packed)
	case e.offset >= uint64(d.start) || e.packed > uint64(d.start)-e.offset:
		return bad("the array %s has %d bytes at %d, before a directory at %d", quote(file), e.packed, e.offset, d.start)
	case e.size/maxRatio > e.packed:
		return bad("the array %s has %d bytes deflated in %d, which can be at most %d times as many", quote(file), e.size, e.packed, maxRatio)
	}
	return e, length, nil
}

// u16 and u32 are the numbers with which s begins.
func u16(s string) uint16 { return uint16(s[0]) | uint16(s[1])<<8 }

func u32(s string) uint32 { return uint32(u16(s)) | uint32(u16(s[2:]))<<16 }

// wide sets the numbers that are all ones to those of 64 bits that extra has.
func wide(extra string, numbers ...*uint64) bool {
	at := 0
	var field string
	for len(extra) >= 4 {
		id, n := u16(extra), int(u16(extra[2:]))
		if n > len(extra)-4 {
			break
		}
		if id == 1 {
			field = extra[4 : 4+n]
			break
		}
		extra = extra[4+n:]
	}
	for _, v := range numbers {
		if *v != 1<<32-1 {
			continue
		}
		if len(field) < at+8 {
			return false
		}
		*v = uint64(u32(field[at:])) | uint64(u32(field[at+4:]))<<32
		at += 8
	}
	return true
}

// at returns the entry that begins at a place of the directory.
func (d *directory) at(place uint32) entry {
	e, _, _ := d.parse(int(place)) // which had no error before
	return e
}

// arrange sorts the entries and checks that each name is there once and that none lies
// in another.
func (d *directory) arrange() error {
	slices.SortFunc(d.names, func(a, b uint32) int {
		return cmp.Or(strings.Compare(d.at(a).name, d.at(b).name), cmp.Compare(a, b))
	})
	for i, place := range d.names {
		if i > 0 && d.at(place).name == d.at(d.names[i-1]).name {
			return &FormatError{Array: d.at(place).name, Offset: d.start + int64(place), Reason: "the name comes twice"}
		}
	}
	slices.SortFunc(d.places, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(d.at(a).offset, d.at(b).offset), cmp.Compare(a, b))
	})
	for i, place := range d.places {
		e := d.at(place)
		if end := e.offset + localBytes + e.packed; end > uint64(d.end(i)) {
			return &FormatError{Array: e.name, Offset: d.start + int64(place), Reason: fmt.Sprintf("its data ends after %d, where the next entry begins: they overlap", d.end(i))}
		}
	}
	return nil
}

// end is where entry i, in the order of the data, has ended: the next one begins there.
func (d *directory) end(i int) int64 {
	if i+1 < len(d.places) {
		return int64(d.at(d.places[i+1]).offset)
	}
	return d.start
}

// find returns the entry of a name, and its end.
func (d *directory) find(name string) (e entry, end int64, ok bool) {
	i, ok := slices.BinarySearchFunc(d.names, name, func(place uint32, name string) int { return strings.Compare(d.at(place).name, name) })
	if !ok {
		return e, 0, false
	}
	e = d.at(d.names[i])
	i, _ = slices.BinarySearchFunc(d.places, e.offset, func(place uint32, offset uint64) int { return cmp.Compare(d.at(place).offset, offset) })
	return e, d.end(i), true
}
