package data_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/data"
)

// TestNoVocabulary: a vocabulary that nothing has made knows no word, and nil words are none.
func TestNoVocabulary(t *testing.T) {
	_, err := data.NewVocabulary(nil, data.VocabularyConfig{Unknown: "?"})
	require.ErrorContains(t, err, "data: NewVocabulary with nil words")
	for _, none := range []*data.Vocabulary{nil, {}} {
		ids, err := none.Encode([]int32{7}, data.Words("a b", ""))
		require.ErrorContains(t, err, "data: Encode of a Vocabulary that was not made by NewVocabulary or ReadVocabulary")
		require.Equal(t, []int32{7}, ids)
		_, err = none.Grow(data.Words("a b", ""), 0, 0)
		require.ErrorContains(t, err, "data: Grow of a Vocabulary that was not made")
	}
	v, err := data.NewVocabulary(data.Words("a b", ""), data.VocabularyConfig{})
	require.NoError(t, err)
	_, err = v.Encode(nil, nil)
	require.ErrorContains(t, err, "data: Encode with nil words")
	_, err = v.Grow(nil, 0, 0)
	require.ErrorContains(t, err, "data: Grow with nil words")
	require.Equal(t, 2, v.Len())
}

// TestTokensBelowZero: an id below 0 is refused with its place, before the run.
func TestTokensBelowZero(t *testing.T) {
	_, err := data.NewTokens([]int32{1, 2, -3, 4}, 1)
	require.EqualError(t, err, "data: id -3 at place 2 of the tokens, want 0 or more")
}
