package rnn

import (
	"io"
	"slices"

	"github.com/simdrnn/simdrnn/internal/seq"
	"github.com/simdrnn/simdrnn/internal/wire"
)

// The file of a Layer: its configuration as integers in the order of
// Config.fields, of floats their bits, then the parameters under their names in
// EachParam's order.
const fileKind = "rnn"

// fileFields is the number of integers in each version of the file. Version 1 has
// those of the plain cell.
var fileFields = []int{10, 17}

// fields are the parts of a Config that a file keeps.
func (c Config) fields() []int64 {
	v := []int64{
		int64(c.Input), int64(c.Hidden), int64(c.Layers),
		wire.Flag(c.Bidirectional), wire.Flag(c.Reverse), wire.Flag(c.NoBias), int64(c.Merge),
	}
	f := c.Activation.Fields()
	f[0]-- // files begin with tanh as 0
	v = append(append(v, f...), wire.Flag(c.LayerNorm))
	return append(v, wire.Bits(c.Clip, c.Dropout, c.InputDropout, c.HiddenDropout, c.WeightDropout, c.Zoneout)...)
}

// WriteTo writes the Layer, checksums included, and returns the number of bytes
// written and the first error of w. The same weights give the same bytes
// everywhere.
func (l *Layer) WriteTo(w io.Writer) (int64, error) {
	return wire.WriteLayer(w, fileKind, uint32(len(fileFields)), l.cfg.fields(), l.EachParam)
}

// Load reads what WriteTo wrote and leaves what follows it in r. Its memory
// grows with the bytes that are there, whatever they claim. The error says
// which part is missing, damaged, of another kind or version, or does not fit
// the configuration. Config.Workers is 0.
func Load(r io.Reader) (*Layer, error) {
	f, err := wire.ReadLayer(r, fileKind, fileFields...)
	if err != nil {
		return nil, err
	}
	v := f.Config
	cfg := Config{
		Input: int(v[0]), Hidden: int(v[1]), Layers: int(v[2]),
		Bidirectional: v[3] == 1, Reverse: v[4] == 1, NoBias: v[5] == 1, Merge: Merge(v[6]),
		LayerNorm: v[10] == 1,
		Clip:      wire.Number(v[11]),
		Dropout:   wire.Number(v[12]), InputDropout: wire.Number(v[13]), HiddenDropout: wire.Number(v[14]), WeightDropout: wire.Number(v[15]),
		Zoneout: wire.Number(v[16]),
	}
	var ok bool
	cfg.Activation, ok = seq.ActivationOf([]int64{v[7] + 1, v[8], v[9]})
	if !ok || cfg.Activation == (Activation{}) || !slices.Equal(v, cfg.fields()) || cfg.Layers == 0 {
		return nil, f.NoConfig()
	}
	l, err := newLayer(cfg, f.Param)
	if err != nil {
		return nil, err
	}
	if err := f.Done(); err != nil {
		return nil, err
	}
	return l, nil
}
