package data_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/data"
)

// TestSeparators begin rows anew, in memory and from a file, wherever batches are cut.
func TestSeparators(t *testing.T) {
	text := []byte("|abc|d||efg|hi|")
	ids := make([]int32, len(text))
	for i, c := range text {
		ids[i] = int32(c)
	}
	stream, err := data.NewStream(bytes.NewReader(text), int64(len(text)), data.Bytes, 2)
	require.NoError(t, err)
	inMemory, err := data.NewText(text, 2)
	require.NoError(t, err)
	tokens, err := data.NewTokens(ids, 2)
	require.NoError(t, err)
	type separated interface {
		data.Source
		SetSeparator(id int32) error
	}
	for name, d := range map[string]separated{"stream": stream, "text": inMemory, "tokens": tokens} {
		require.ErrorContains(t, d.SetSeparator(-2), "the separator -2")
		for _, want := range []int{1, 3, 4, 0} {
			require.NoError(t, d.SetSeparator('|'))
			pos := 0
			got := make([][]int, 2)
			for range 7 {
				b := data.Batch{Want: want}
				if d.Next(&b) != nil {
					break
				}
				require.NoError(t, b.Check(7, 2, 256, 256, true))
				for r := range b.Resets {
					for _, at := range b.Resets[r] {
						require.Equal(t, int32('|'), b.IDs[at*2+r])
						got[r] = append(got[r], pos+at)
					}
				}
				pos += b.Steps
			}
			require.Equal(t, [][]int{{0, 4, 6}, {0, 4}}, got, "%s, %d steps at a time", name, want)
			require.NoError(t, d.Rewind())
		}
		require.NoError(t, d.SetSeparator(-1))
		b := data.Batch{}
		require.NoError(t, d.Next(&b))
		require.Nil(t, b.Resets)
		require.NoError(t, d.SetSeparator('x'))
		require.NoError(t, d.Rewind())
		require.NoError(t, d.Next(&b))
		require.Nil(t, b.Resets, "no separator in the batch")
	}
}

// TestResetsAreChecked: those of a batch are one list for each row, ascending and within the row.
func TestResetsAreChecked(t *testing.T) {
	for want, resets := range map[string][][]int{
		"resets of 1 rows, want those of 2":                                      {{1}},
		"row 0 begins anew at steps [2 2], want ascending steps":                 {{2, 2}, nil},
		"row 0 begins anew at steps [3], want ascending steps from 0 to":         {{3}, nil},
		"row 1 begins anew at steps [1], want ascending steps from 0 to below 1": {nil, {1}},
		"row 0 begins anew at steps [-1]":                                        {{-1}, nil},
	} {
		b := data.Batch{Steps: 3, Rows: 2, IDs: make([]int32, 6), Targets: make([]int32, 6), Lengths: []int{3, 1}, Resets: resets}
		require.ErrorContains(t, b.Check(3, 2, 1, 1, true), want)
	}
	b := data.Batch{Steps: 3, Rows: 2, IDs: make([]int32, 6), Targets: make([]int32, 6), Resets: [][]int{{0, 2}, nil}}
	require.NoError(t, b.Check(3, 2, 1, 1, true))
}
