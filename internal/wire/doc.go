// Package wire is the framing of every file the module writes: named, typed
// sections, each with its own checksum, written and read as a stream.
//
// # Layout, version 1
//
// All integers and floats are little-endian.
//
//	file    = header section* end
//	header  = magic(8) version(u32) contents(u32) kindLen(u16) kind crc(u32)
//	section = nameLen(u16) type(u8) dims(u8) name dim(u64)... crc(u32) payload crc(u32)
//	end     = 0(u16) 0(u8) 0(u8) sections(u32) crc(u32)
//
// version is the version of this framing, contents the version of what the
// kind puts into it. nameLen is at least 1, the payload has one element for
// each index of the shape, and every crc is the CRC-32C of the bytes since the
// previous one. The first byte of the magic is not ASCII and the next ones hold
// both line endings, so a file mangled in a text transfer is refused at once.
//
// # Reading
//
// A reader trusts no length: memory grows with the bytes that have arrived, so
// a short file that declares a huge tensor costs no more than its own size. It
// takes exactly the bytes of the file from the stream and no byte after them.
//
// Everything that can be wrong with a file is a *FormatError, *VersionError,
// *KindError or *ShapeError.
package wire
