package onnx

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// A folder reads the files beside a model that hold its external data. It is an os.Root:
// a name cannot lead out of the folder, not by "..", not as an absolute path, not by a
// symbolic link.
type folder struct{ root *os.Root }

func openFolder(model string) (*folder, error) {
	root, err := os.OpenRoot(filepath.Dir(model))
	if err != nil {
		return nil, fmt.Errorf("onnx: the folder of external data: %w", err)
	}
	return &folder{root}, nil
}

func (f *folder) close() error { return f.root.Close() }

// An outsideFile is a file of external data. Names do not tell files apart: "./w.bin" and links
// are other names of the same one.
type outsideFile struct {
	info fs.FileInfo
	read int64 // bytes of tensors
}

func (im *importer) outsideOf(info fs.FileInfo) *outsideFile {
	for _, f := range im.outside {
		if os.SameFile(f.info, info) {
			return f
		}
	}
	f := &outsideFile{info: info}
	im.outside = append(im.outside, f)
	return f
}

// external returns the bytes of a tensor that lie in another file.
func (im *importer) external(part string, t *pb.TensorProto) ([]byte, error) {
	if im.folder == nil {
		return nil, malformed(part, "its data lie in another file, which is read only by Open with Options.ExternalData; set that if the file is to be trusted")
	}
	var location string
	offset, length := int64(0), int64(-1)
	for _, e := range t.ExternalData {
		var err error
		switch e.GetKey() {
		case "location":
			location = e.GetValue()
		case "offset":
			offset, err = strconv.ParseInt(e.GetValue(), 10, 64)
		case "length":
			length, err = strconv.ParseInt(e.GetValue(), 10, 64)
		}
		if err != nil {
			return nil, malformed(part, "the %s of its external data is %q, want a number", e.GetKey(), e.GetValue())
		}
	}
	if !filepath.IsLocal(filepath.FromSlash(location)) {
		return nil, malformed(part, "its external data are in %q, want a file in the folder of the model, named from there; export the model into one folder", location)
	}
	file, err := im.folder.root.Open(filepath.FromSlash(location))
	if err != nil {
		return nil, fmt.Errorf("onnx: %s: external data: %w", part, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("onnx: %s: external data: %w", part, err)
	}
	if !info.Mode().IsRegular() {
		return nil, malformed(part, "its external data are in %q, a %v, want a regular file", location, info.Mode().Type()&fs.ModeType)
	}
	if length < 0 {
		length = info.Size() - offset
	}
	if offset < 0 || length < 0 || offset > info.Size() || length > info.Size()-offset {
		return nil, malformed(part, "its external data are %d bytes from %d on, but %q has %d; copy both files again, or export them again", length, offset, location, info.Size())
	}
	n, ok := elementsOf(t.Dims)
	if want := int64(n) * int64(widthOf(pb.TensorProto_DataType(t.GetDataType()))); !ok || length != want || length > math.MaxInt32*8 {
		return nil, malformed(part, "its external data are %d bytes, want %d by its dimensions %v", length, want, t.Dims)
	}
	of := im.outsideOf(info)
	if of.read += length; of.read > 2*info.Size() {
		return nil, malformed(part, "the external data of all tensors are more than twice the %d bytes of %q", info.Size(), location)
	}
	im.most, im.budget, im.room = max(im.most, int(length)), im.budget+int(length), im.room+copiesPerByte*int(length)
	data := make([]byte, length)
	if _, err := file.ReadAt(data, offset); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("onnx: %s: external data: %w", part, err)
	} else if err != nil {
		return nil, malformed(part, "its external data end early: %q became shorter; read the model again when nothing writes to it", location)
	}
	return data, nil
}
