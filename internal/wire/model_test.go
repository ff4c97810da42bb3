package wire

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// settings is a configuration with a field of each sort.
type settings struct {
	n     int
	on    bool
	limit float32
	kind  int // 0 or 1
}

func (s *settings) visit(f *Fields) {
	f.Ints(&s.n)
	f.Bools(&s.on)
	f.Floats(&s.limit)
	f.Ints(&s.kind)
	if s.kind != 0 && s.kind != 1 {
		f.Refuse()
	}
}

// One walk over the fields writes them and reads them again.
func TestFields(t *testing.T) {
	want := settings{-3, true, float32(math.Copysign(0, -1)), 1}
	ints := FieldsOf(want.visit)
	require.Equal(t, []int64{-3, 1, 0x80000000, 1}, ints)
	l := Layer{config: ints}
	var got settings
	require.True(t, l.Config(got.visit))
	require.Equal(t, want, got)
	require.True(t, math.Signbit(float64(got.limit)))
}

// A file holds what is written for some configuration and nothing else: the bytes of
// a network are the same wherever it was written.
func TestFieldsThatNoConfigurationHas(t *testing.T) {
	for name, ints := range map[string][]int64{
		"a flag of 2":              {1, 2, 0, 0},
		"a flag of -1":             {1, -1, 0, 0},
		"a float of more bits":     {1, 0, 1 << 32, 0},
		"a float below 0":          {1, 0, -1, 0},
		"refused by visit":         {1, 0, 0, 2},
		"one too few":              {1, 0, 0},
		"one too many":             {1, 0, 0, 0, 0},
		"one too many, of value 1": {1, 0, 0, 0, 1},
	} {
		var s settings
		l := Layer{config: ints}
		require.False(t, l.Config(s.visit), name)
	}
	if math.MaxInt == math.MaxInt32 {
		var s settings
		l := Layer{config: []int64{1 << 32, 0, 0, 0}}
		require.False(t, l.Config(s.visit), "an int of more bits")
	}
}

// Fields that an older version of a kind of file lacks are 0.
func TestFieldsOfAnOlderVersion(t *testing.T) {
	var file bytes.Buffer
	w := NewWriter(&file, "kind", 1)
	w.Int64("config", []int64{7, 1})
	require.NoError(t, w.Close())
	l, err := ReadLayer(&file, "kind", 2, 4)
	require.NoError(t, err)
	var s settings
	require.True(t, l.Config(s.visit))
	require.Equal(t, settings{n: 7, on: true}, s)
}
