package chart

import (
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func read(t *testing.T, name string) image.Image {
	t.Helper()
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	m, err := png.Decode(f)
	require.NoError(t, err)
	return m
}

// TestWrite: pictures stand side by side, what cannot be drawn is left out, and the folder
// has nothing else in it.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a.png")
	one := Panel{Title: "one", Curves: []Curve{{Name: "a", Y: []float64{1, math.NaN(), math.Inf(1), 4}}, {Name: "none"}}}
	require.NoError(t, Write(name, one))
	width := read(t, name).Bounds().Dx()
	log := Panel{Title: "two", Log: true, Curves: []Curve{{Name: "a", X: []float64{5, 6, 7}, Y: []float64{0, 1e-30, 1e9}}}}
	table := Table{Title: "three", Columns: []string{"x", "y"}, Rows: []string{"a", "b", "c"}, Values: [][]float64{{0, 1}, {2, 3}, {4, 5}}}
	require.NoError(t, Write(name, one, log, table))
	require.InDelta(t, 3*width, read(t, name).Bounds().Dx(), 3)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
}

// TestTableStandsUpright: the first row is on top, and the largest value is the darkest.
func TestTableStandsUpright(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.png")
	require.NoError(t, Write(name, Table{Values: [][]float64{{0, 1}, {0, 0}}}))
	m := read(t, name)
	b := m.Bounds()
	dark := func(x, y int) bool { r, _, _, _ := m.At(x, y).RGBA(); return r < 0x4000 }
	require.True(t, dark(b.Dx()*3/4, b.Dy()/4))
	require.False(t, dark(b.Dx()*3/4, b.Dy()*5/8))
	require.False(t, dark(b.Dx()*3/8, b.Dy()/4))
}

// TestCrowdedNames: names of columns that do not fit side by side are turned, for which the
// table ends higher up.
func TestCrowdedNames(t *testing.T) {
	lowest := func(columns ...string) (y int) {
		name := filepath.Join(t.TempDir(), "a.png")
		values := make([]float64, len(columns))
		values[0] = 1
		require.NoError(t, Write(name, Table{Columns: columns, Values: [][]float64{make([]float64, len(columns)), values}}))
		m := read(t, name)
		for y = m.Bounds().Dy() - 1; y > 0; y-- {
			for x := range m.Bounds().Dx() {
				if r, g, b, _ := m.At(x, y).RGBA(); b > r+0x3000 && b > g+0x2000 {
					return y
				}
			}
		}
		return 0
	}
	few := lowest("processor", "comment", "a", "b", "c")
	many := lowest("processor", "comment", "a", "b", "c", "d", "e", "f", "g", "h")
	require.Positive(t, many)
	require.Less(t, many, few-20)
}

// TestNamesCoverNoCurve: names stand below the plot, in as many lines as they need; a curve
// along all edges is drawn as it is without a name.
func TestNamesCoverNoCurve(t *testing.T) {
	rows := func(curves int) (first, last int) {
		p := Panel{}
		for range curves {
			p.Curves = append(p.Curves, Curve{Name: "a name of some length", X: []float64{0, 1, 1, 0, 0}, Y: []float64{0, 0, 1, 1, 0}})
		}
		name := filepath.Join(t.TempDir(), "a.png")
		require.NoError(t, Write(name, p))
		m := read(t, name)
		b := m.Bounds()
		coloured := func(y int) (n int) {
			for x := range b.Dx() {
				if r, g, b, _ := m.At(x, y).RGBA(); max(r, g, b) > min(r, g, b)+0x4000 {
					n++
				}
			}
			return n
		}
		first, last = -1, -1 // of the edges, which are longer than any name's line
		for y := range b.Dy() {
			if coloured(y) > b.Dx()/2 {
				if last = y; first < 0 {
					first = y
				}
			}
		}
		below := 0 // lines of names
		for y := last + 10; y < b.Dy(); y++ {
			if coloured(y) > 0 && coloured(y-1) == 0 {
				below++
			}
		}
		require.Equal(t, (curves+2)/3, below)
		return first, last
	}
	top, bottom := rows(1)
	require.Greater(t, bottom, top+200)
	again, higher := rows(4)
	require.InDelta(t, top, again, 1)
	require.Less(t, higher, bottom-10, "a second line of names takes room from the plot")
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	require.ErrorContains(t, Write(filepath.Join(dir, "a.png"), Table{Title: "a"}), `table "a" has no values`)
	require.ErrorContains(t, Write(filepath.Join(dir, "a.png"), Table{Title: "a", Values: [][]float64{{1, 2}, {3}}}), `row 1 of table "a" has 1 values, want 2`)
	require.Error(t, Write(filepath.Join(dir, "none", "a.png"), Panel{}))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}
