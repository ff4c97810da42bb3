package nn

import (
	"crypto/sha256"
	"encoding/binary"
	"math"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
)

// Fingerprint returns the SHA-256 of the names and values of all parameters of net. A
// parameter that is shared counts once, under the first of its names. Equal runs have
// equal fingerprints on every machine. Every NaN counts as the same one, since which
// NaN an operation gives depends on the hardware. It panics if net is nil.
func Fingerprint(net Net) [sha256.Size]byte {
	if nilcheck.IsNil(net) {
		panic("nn: Fingerprint of a nil net")
	}
	h := sha256.New()
	var b []byte
	var seen params
	net.EachParam(func(name string, w, _ []float32) {
		if seen.find(w) >= 0 {
			return
		}
		seen.list = append(seen.list, Param{Name: name, W: w})
		b = binary.LittleEndian.AppendUint64(b[:0], uint64(len(name)))
		b = append(b, name...)
		b = binary.LittleEndian.AppendUint64(b, uint64(len(w)))
		for _, v := range w {
			bits := math.Float32bits(v)
			if v != v {
				bits = 0x7fc00000
			}
			b = binary.LittleEndian.AppendUint32(b, bits)
		}
		h.Write(b)
	})
	return [sha256.Size]byte(h.Sum(nil))
}
