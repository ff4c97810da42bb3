package gru

import (
	"io"
	"slices"

	"github.com/simdrnn/simdrnn/internal/wire"
)

// The file of a Layer: its configuration as integers in the order of
// Config.fields, then the parameters under their names in EachParam's order.
const (
	fileKind     = "gru"
	fileContents = 1
)

// fields are the parts of a Config that a file keeps.
func (c Config) fields() []int64 {
	return []int64{
		int64(c.Input), int64(c.Hidden), int64(c.Layers),
		wire.Flag(c.Bidirectional), wire.Flag(c.Reverse), wire.Flag(c.NoBias), int64(c.Merge), wire.Flag(c.ResetBefore), wire.Flag(c.Textbook),
	}
}

// WriteTo writes the Layer, checksums included, and returns the number of bytes
// written and the first error of w. The same weights give the same bytes
// everywhere.
func (l *Layer) WriteTo(w io.Writer) (int64, error) {
	return wire.WriteLayer(w, fileKind, fileContents, l.cfg.fields(), l.EachParam)
}

// Load reads what WriteTo wrote and leaves what follows it in r. Its memory
// grows with the bytes that are there, whatever they claim. The error says
// which part is missing, damaged, of another kind or version, or does not fit
// the configuration. Config.Workers is 0.
func Load(r io.Reader) (*Layer, error) {
	f, err := wire.ReadLayer(r, fileKind, fileContents, len(Config{}.fields()))
	if err != nil {
		return nil, err
	}
	v := f.Config
	cfg := Config{
		Input: int(v[0]), Hidden: int(v[1]), Layers: int(v[2]),
		Bidirectional: v[3] == 1, Reverse: v[4] == 1, NoBias: v[5] == 1, Merge: Merge(v[6]),
		ResetBefore: v[7] == 1, Textbook: v[8] == 1,
	}
	if !slices.Equal(v, cfg.fields()) || cfg.Layers == 0 {
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
