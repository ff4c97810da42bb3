package data_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/data"
)

// TestCutRows: every element of the parts is that of the batch, and every field of a batch
// is cut. A new field of Batch fails here until CutRows knows it.
func TestCutRows(t *testing.T) {
	for _, typ := range []reflect.Type{reflect.TypeFor[data.Batch](), reflect.TypeFor[data.Input]()} {
		for i := range typ.NumField() {
			name := typ.Field(i).Name
			require.Contains(t, []string{"Want", "Steps", "Rows", "IDs", "X", "Targets", "Y", "Source", "Weights", "Labels", "Lengths", "Reset", "Resets", "Context"}, name,
				"CutRows and this test have to know the field %s", name)
		}
	}
	const steps, rows, in, out, far = 3, 5, 2, 4, 2
	b := &data.Batch{Steps: steps, Rows: rows, Context: 1, Lengths: []int{3, 0, 2, 1, 3}, Reset: []bool{true, false, true, false, true},
		Resets: [][]int{{1, 2}, nil, {1}, {}, {2}},
		Labels: [][]int32{{1}, nil, {2, 3}, {}, {4}}, Source: &data.Input{Steps: far, Lengths: []int{2, 1, 0, 2, 1}}}
	for p := range steps * rows {
		b.IDs, b.Targets, b.Weights = append(b.IDs, int32(p)), append(b.Targets, int32(100+p)), append(b.Weights, float32(p)/2)
		for k := range in {
			b.X = append(b.X, float32(10*p+k))
		}
		for k := range out {
			b.Y = append(b.Y, float32(1000*p+k))
		}
	}
	for p := range far * rows {
		b.Source.IDs = append(b.Source.IDs, int32(500+p))
		b.Source.X = append(b.Source.X, float32(p), -float32(p))
	}
	var dst data.Batch
	for _, c := range [][3]int{{0, 5, 5}, {0, 2, 2}, {2, 5, 3}, {3, 5, 3}, {1, 1, 2}, {4, 5, 1}} {
		lo, hi, to := c[0], c[1], c[2]
		require.NoError(t, b.CutRows(&dst, lo, hi, to))
		require.NoError(t, dst.Check(steps, to, in, out, true))
		require.Equal(t, 1, dst.Context)
		for r := range to {
			if r >= hi-lo {
				require.Empty(t, dst.Resets[r])
				require.Zero(t, dst.Lengths[r])
				require.Zero(t, dst.Source.Lengths[r])
				continue
			}
			g := lo + r
			require.Equal(t, b.Lengths[g], dst.Lengths[r])
			require.Equal(t, b.Reset[g], dst.Reset[r])
			require.Equal(t, append([]int{}, b.Resets[g]...), append([]int{}, dst.Resets[r]...))
			require.Equal(t, b.Labels[g], dst.Labels[r])
			require.Equal(t, b.Source.Lengths[g], dst.Source.Lengths[r])
			for s := range steps {
				p, q := s*rows+g, s*to+r
				require.Equal(t, b.IDs[p], dst.IDs[q])
				require.Equal(t, b.Targets[p], dst.Targets[q])
				require.Equal(t, b.Weights[p], dst.Weights[q])
				require.Equal(t, b.X[p*in:][:in], dst.X[q*in:][:in])
				require.Equal(t, b.Y[p*out:][:out], dst.Y[q*out:][:out])
			}
			for s := range far {
				p, q := s*rows+g, s*to+r
				require.Equal(t, b.Source.IDs[p], dst.Source.IDs[q])
				require.Equal(t, b.Source.X[2*p:][:2], dst.Source.X[2*q:][:2])
			}
		}
	}

	// The source may use its memory again before the shard is run.
	require.NoError(t, b.CutRows(&dst, 0, 5, 5))
	b.Resets[0][0] = 7
	require.Equal(t, []int{1, 2}, dst.Resets[0])

	// What is nil stays nil, and what dst had before does not come back.
	small := &data.Batch{Steps: 1, Rows: 2, IDs: []int32{1, 2}, Targets: []int32{3, 4}}
	require.NoError(t, small.CutRows(&dst, 0, 2, 2))
	require.Equal(t, data.Batch{Steps: 1, Rows: 2, IDs: []int32{1, 2}, Targets: []int32{3, 4}}, dst)
	require.NoError(t, small.CutRows(&dst, 1, 2, 2))
	require.Equal(t, []int{1, 0}, dst.Lengths)
	require.Equal(t, 1, dst.CountedRows())
}

func TestCutRowsRefuses(t *testing.T) {
	var dst data.Batch
	b := &data.Batch{Steps: 2, Rows: 2, IDs: make([]int32, 4), Targets: make([]int32, 4)}
	for _, c := range [][3]int{{-1, 1, 2}, {1, 0, 2}, {0, 3, 3}, {0, 2, 1}} {
		require.ErrorContains(t, b.CutRows(&dst, c[0], c[1], c[2]), fmt.Sprintf("rows %d to %d of a batch of 2, in %d rows", c[0], c[1], c[2]))
	}
	b.IDs = b.IDs[:3]
	require.ErrorContains(t, b.CutRows(&dst, 0, 1, 1), "3 elements of IDs")
	b.IDs, b.Lengths = nil, []int{1}
	require.ErrorContains(t, b.CutRows(&dst, 0, 1, 1), "1 elements of Lengths")
	b.Lengths, b.Source = nil, &data.Input{Steps: 3, X: make([]float32, 7)}
	require.ErrorContains(t, b.CutRows(&dst, 0, 1, 1), "7 elements of Source.X, which is not the same number for each of its 3 steps of 2 rows")
}

func ExampleBatch_CutRows() {
	b := &data.Batch{Steps: 2, Rows: 3, IDs: []int32{1, 2, 3, 4, 5, 6}, Targets: []int32{2, 3, 4, 5, 6, 7}}
	var part data.Batch
	err := b.CutRows(&part, 2, 3, 2) // the third row, and an empty one
	fmt.Println(part.IDs, part.Lengths, err)
	// Output: [3 0 6 0] [2 0] <nil>
}
