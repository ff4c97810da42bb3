// Package safetensors reads and writes files in the format of the same name, in
// which most trained models are published. It needs no other library.
//
//	f, err := safetensors.Open("model.safetensors")
//	w, err := f.Float32("encoder.rnn.weight_ih_l0")
//
// Package convert makes networks of such files (convert.LoadLSTM) and says which
// layers one holds (convert.Inspect). A model that is spread over several files is
// several files here too: open the one that has the layer.
//
// # Format
//
//	file   = length(u64, little-endian) header data
//	header = {"__metadata__": {"key": "value", ...},
//	          "name": {"dtype": "F32", "shape": [4, 2], "data_offsets": [0, 32]}, ...}
//
// The header is JSON, padded with spaces to a multiple of 8 bytes. Offsets count
// from the end of the header. The data is little-endian and row-major.
//
// # Types
//
// Tensors of float32, float16, bfloat16 and float64 are read, all of them as
// float32. The first three are exact, and keep the bits of a NaN. A float64 is
// rounded to the nearest float32, to even at ties, so that tiny values become
// denormal or zero; a finite one beyond float32's range is a *RangeError, and no
// infinity. Tensors of other types are listed and skipped. What is written is
// float32.
//
// # Hostile files
//
// A file is refused, with a reason, before anything is read of its tensors, unless
// the tensors cover the data exactly: no gap, no overlap, no byte over. Nor may
// names come twice or a field be unknown. A tensor without elements takes no
// bytes: where others meet there may be any number of them. The reference
// implementation takes a little more: it passes over names that come twice and over
// fields that it does not know, and takes white space before the first brace, a
// tensor written as an array, null for the metadata, and what is beyond Limits,
// MaxDims and MaxMetadata.
//
// No length in a file is believed before the bytes are there. Opening a file and
// reading it by Read takes less than twice its size and 1 MiB of memory, with the
// default Limits; Float32 makes the slice that it returns, twice the bytes of a
// tensor of float16.
//
// The format has no checksum: what changes in the data changes a weight, unnoticed.
//
// What is wrong with a file is a *FormatError, *LimitError, *TypeError,
// *MissingError or *RangeError. Where a file ends early the error wraps
// io.ErrUnexpectedEOF. Errors that mention a name show at most its first 100 bytes.
package safetensors
