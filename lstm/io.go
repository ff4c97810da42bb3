package lstm

import (
	"fmt"
	"io"
	"slices"

	"github.com/simdrnn/simdrnn/internal/wire"
)

// The file of a Layer: its configuration as integers in the order of
// Config.fields, then the parameters under their names in EachParam's order.
const (
	fileKind     = "lstm"
	fileContents = 1
)

// fields are the parts of a Config that a file keeps.
func (c Config) fields() []int64 {
	flag := func(b bool) int64 {
		if b {
			return 1
		}
		return 0
	}
	return []int64{int64(c.Input), int64(c.Hidden), int64(c.Layers), flag(c.Bidirectional), flag(c.Reverse), flag(c.NoBias)}
}

// WriteTo writes the Layer, checksums included, and returns the number of bytes
// written and the first error of w. The same weights give the same bytes
// everywhere.
func (l *Layer) WriteTo(w io.Writer) (int64, error) {
	f := wire.NewWriter(w, fileKind, fileContents)
	f.Int64("config", l.cfg.fields())
	l.EachParam(func(name string, w []float32, shape ...int) { f.Float32(name, w, shape...) })
	err := f.Close()
	return f.Written(), err
}

// Load reads what WriteTo wrote and leaves what follows it in r. Its memory
// grows with the bytes that are there, whatever they claim. The error says
// which part is missing, damaged, of another kind or version, or does not fit
// the configuration. Config.Workers is 0.
func Load(r io.Reader) (*Layer, error) {
	f, err := wire.Read(r, fileKind, fileContents)
	if err != nil {
		return nil, fmt.Errorf("lstm: %w", err)
	}
	v, err := f.Int64("config", len(Config{}.fields()))
	if err != nil {
		return nil, fmt.Errorf("lstm: %w", err)
	}
	cfg := Config{
		Input: int(v[0]), Hidden: int(v[1]), Layers: int(v[2]),
		Bidirectional: v[3] == 1, Reverse: v[4] == 1, NoBias: v[5] == 1,
	}
	if !slices.Equal(v, cfg.fields()) || cfg.Layers == 0 {
		return nil, fmt.Errorf("lstm: section \"config\" of the file holds %d, which is no configuration", v)
	}
	read := 1
	l, err := newLayer(cfg, func(name string, shape ...int) ([]float32, error) {
		read++
		w, err := f.Float32(name, shape...)
		if err != nil {
			err = fmt.Errorf("lstm: %w", err)
		}
		return w, err
	})
	if err != nil {
		return nil, err
	}
	if names := f.Names(); len(names) != read {
		return nil, fmt.Errorf("lstm: the file has %d sections, its configuration accounts for %d", len(names), read)
	}
	return l, nil
}
