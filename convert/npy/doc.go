// Package npy reads and writes NumPy's files: .npy with one array, .npz with arrays
// under names. It needs no library besides the standard one.
//
//	f, err := npy.Open("x.npy")       // np.save("x.npy", x)
//	x, err := f.Float32()
//
//	a, err := npy.OpenArchive("data.npz") // np.savez("data.npz", x=x, labels=labels)
//	x, err := a.Float32("x")
//	labels, err := a.Int32("labels")
//
// Package convert makes networks of an .npz with PyTorch's names (convert.LoadLSTM):
//
//	np.savez("model.npz", **{k: v.numpy() for k, v in model.state_dict().items()})
//
// # Format
//
//	array   = magic(6) major(u8) minor(u8) length(u16 or u32, little-endian) header data
//	header  = {'descr': '<f4', 'fortran_order': False, 'shape': (4, 2), }
//	archive = a zip file whose every entry is called NAME.npy and is an array
//
// Versions 1.0, 2.0 and 3.0 are read. The header is a literal of Python: the three
// keys in any order, white space and a comma at the end as one likes, and digits
// with an L behind them, as Python 2 wrote, in versions 1.0 and 2.0. No other
// expression is evaluated: what Python might take and NumPy does not write is refused.
//
// # Elements
//
//	f2 f4 f8                   to float32
//	i1 i2 i4 i8 u1 u2 u4 u8    to float32 and to int32
//	b1                         to float32 and to int32, as 0 and 1
//
// in little-endian and big-endian order. To float32 every number is rounded once, to
// the nearest, to even at ties: f2, f4 and integers of up to 24 bits are exact, and
// NaN of f2 and f4 keep their bits. A finite f8 beyond float32's range is a
// *RangeError, and no infinity. To int32 nothing is rounded: an integer that does not
// fit is a *RangeError with its place, and floats are refused.
//
// Refused with a *TypeError, which says what to do in Python: objects (they are a
// pickle, a program of whoever made the file), structured types, text, complex
// numbers, times, long doubles. NumPy has no bfloat16; arrays of ml_dtypes.bfloat16
// are stored as raw bytes, "V2", which do not say what they are.
//
// Data in Fortran's order comes out row-major, as all other. A shape without
// dimensions, (), is a scalar: one element.
//
// # Bytes that follow
//
// A File has one array and ends with it: a byte that follows is a *FormatError, with
// the number of bytes. The same holds for an array in an Archive. A Reader takes
// exactly the bytes of its array from the stream, and the next array may follow, as
// several calls of np.save with one open file write them.
//
// # Archives
//
// Entries are stored (np.savez) or deflated (np.savez_compressed). Names are names:
// "a/../b" is no path. What would be read differently by different programs is
// refused: a name that comes twice, entries that overlap, entries that are no arrays,
// bytes between the directory and the end. NumPy passes over the first of these.
//
// # Hostile files
//
// No length in a file is believed before the bytes are there. Opening a file takes less
// than twice its size and 1 MiB of memory. So does reading an array of 4-byte elements
// from it, with the slice that is returned; that slice has 4 bytes for each element, of
// however few bytes it is in the file, and is made once these are there. What is refused
// takes no more. Of a deflated array the size is what it inflates to: at most 1032 times
// what is in the file, which is as much as the format can express; an entry that claims
// more is refused. Whoever reads deflated archives of strangers looks at Info and reads
// into memory of his own.
//
// The entries of an archive have a checksum, which is compared at the end of reading.
// An .npy file has none: what changes in the data changes a number, unnoticed.
//
// What is wrong with a file is a *FormatError, *LimitError, *TypeError, *MissingError
// or *RangeError. Where a file ends early the error wraps io.ErrUnexpectedEOF. Errors
// that mention a name show at most its first 100 bytes.
package npy
