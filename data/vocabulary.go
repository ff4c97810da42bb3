package data

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
)

// A Vocabulary gives words ids, 0 to Len()-1, and counts them. A word is any string: a
// word of a text, a rune, a byte. Words are what Words, Runes, SingleBytes, a WordReader
// or an iterator of one's own gives.
type Vocabulary struct {
	words   []string
	counts  []uint64
	ids     map[string]int32
	special [4]int32 // ids of padding, unknown, begin and end, -1 for none
}

// A VocabularyConfig says which words a vocabulary has.
type VocabularyConfig struct {
	// MinCount is the number of times that a word has to occur, 0 for once.
	MinCount uint64
	// MaxSize is the largest number of words, those of the next fields included; 0 for
	// no limit but that of an id.
	MaxSize int

	// What stands for padding, for unknown words, and for the begin and the end of a
	// sequence; "" for none. They have the first ids, in this order, whether the text
	// has them or not. A text that has them as words counts them.
	Padding, Unknown, Begin, End string
}

// The places in Vocabulary.special.
const (
	padding = iota
	unknown
	begin
	end
)

// specialNames are the fields of VocabularyConfig, by place.
var specialNames = [4]string{"Padding", "Unknown", "Begin", "End"}

// NewVocabulary returns the vocabulary of words. Ids go by count, the most frequent word
// first, and words of one count by their bytes: the same on every machine. How often other
// words came, which MinCount and MaxSize leave out, is the count of Unknown.
//
// An error is a symbol of the config that stands for two things, a MaxSize below the number
// of these symbols, a word of more than 2^20 bytes, and a vocabulary without any word.
func NewVocabulary(words iter.Seq[string], cfg VocabularyConfig) (*Vocabulary, error) {
	v := &Vocabulary{ids: map[string]int32{}}
	if cfg.MaxSize < 0 {
		return nil, fmt.Errorf("data: a vocabulary of at most %d words, want 0 or more", cfg.MaxSize)
	}
	for i, symbol := range []string{cfg.Padding, cfg.Unknown, cfg.Begin, cfg.End} {
		v.special[i] = -1
		if symbol == "" {
			continue
		}
		if id, twice := v.ids[symbol]; twice {
			return nil, fmt.Errorf("data: %q is %s and %s, want a symbol of its own for each", symbol, specialNames[slices.Index(v.special[:], id)], specialNames[i])
		}
		v.special[i] = v.add(symbol, 0)
	}
	if words == nil {
		return nil, errors.New("data: NewVocabulary with nil words; Words, Runes and slices.Values give some")
	}
	if _, err := v.Grow(words, cfg.MinCount, cfg.MaxSize); err != nil {
		return nil, err
	}
	if v.Len() == 0 {
		return nil, fmt.Errorf("data: a vocabulary without words: no word came %d times or more; give it words, or a smaller MinCount", max(1, cfg.MinCount))
	}
	return v, nil
}

// Grow counts more words and adds those that are new at the end, in the order of
// NewVocabulary, as far as they come minCount times and Len stays at most maxSize (each 0
// for no limit). All words keep their ids. It returns how many words are new:
// nn.GrowEmbedding and nn.GrowLinear give weights to them. An error is a maxSize below Len,
// a word of more than 2^20 bytes, and nil words; then nothing has changed.
func (v *Vocabulary) Grow(words iter.Seq[string], minCount uint64, maxSize int) (added int, err error) {
	if err := v.check("Grow", words); err != nil {
		return 0, err
	}
	if maxSize == 0 {
		maxSize = maxElements
	}
	if maxSize < v.Len() || maxSize > maxElements {
		return 0, fmt.Errorf("data: a vocabulary of at most %d words, want %d, those that it has, to %d", maxSize, v.Len(), maxElements)
	}
	came := map[string]uint64{}
	for word := range words {
		if len(word) > maxWord {
			return 0, fmt.Errorf("data: a word of %d bytes, want at most %d", len(word), maxWord)
		}
		came[word]++
	}
	var fresh []string
	for word, n := range came {
		if id, known := v.ids[word]; known {
			v.counts[id] += n
		} else {
			fresh = append(fresh, word)
		}
	}
	slices.SortFunc(fresh, func(a, b string) int {
		return cmp.Or(cmp.Compare(came[b], came[a]), cmp.Compare(a, b))
	})
	for _, word := range fresh {
		switch n := came[word]; {
		case n >= minCount && v.Len() < maxSize:
			v.add(word, n)
			added++
		case v.special[unknown] >= 0:
			v.counts[v.special[unknown]] += n
		}
	}
	return added, nil
}

func (v *Vocabulary) add(word string, count uint64) int32 {
	id := int32(len(v.words))
	v.ids[word] = id
	v.words, v.counts = append(v.words, word), append(v.counts, count)
	return id
}

// Len returns the number of words.
func (v *Vocabulary) Len() int { return len(v.words) }

// Padding returns the id of the symbol for padding, -1 if there is none.
func (v *Vocabulary) Padding() int32 { return v.special[padding] }

// Unknown returns the id that stands for words that are not in v, -1 if there is none.
func (v *Vocabulary) Unknown() int32 { return v.special[unknown] }

// Begin returns the id of the symbol before a sequence, -1 if there is none.
func (v *Vocabulary) Begin() int32 { return v.special[begin] }

// End returns the id of the symbol after a sequence, -1 if there is none.
func (v *Vocabulary) End() int32 { return v.special[end] }

// Lookup returns the id of a word, and whether it has one; if not, the id is Unknown's.
func (v *Vocabulary) Lookup(word string) (id int32, known bool) {
	if id, known = v.ids[word]; known {
		return id, true
	}
	return v.special[unknown], false
}

// Word returns the word of an id. It panics unless id is 0 to Len()-1; Decode returns an
// error instead.
func (v *Vocabulary) Word(id int32) string {
	v.mustHave(id)
	return v.words[id]
}

// Count returns how often the word of an id came. It panics unless id is 0 to Len()-1.
func (v *Vocabulary) Count(id int32) uint64 {
	v.mustHave(id)
	return v.counts[id]
}

func (v *Vocabulary) mustHave(id int32) {
	if id < 0 || int(id) >= v.Len() {
		panic(fmt.Sprintf("data: id %d of a vocabulary, want 0 to %d", id, v.Len()-1))
	}
}

// check returns an error for a vocabulary that nothing has made, and for nil words.
func (v *Vocabulary) check(call string, words iter.Seq[string]) error {
	switch {
	case v == nil || v.ids == nil:
		return fmt.Errorf("data: %s of a Vocabulary that was not made by NewVocabulary or ReadVocabulary", call)
	case words == nil:
		return fmt.Errorf("data: %s with nil words; Words, Runes and slices.Values give some", call)
	}
	return nil
}

// Encode appends the ids of words to ids. A word that is not in v is Unknown; without that
// symbol it is a *WordError, and ids is returned as it was. Nil words are an error.
// slices.Values makes words of a slice.
func (v *Vocabulary) Encode(ids []int32, words iter.Seq[string]) ([]int32, error) {
	if err := v.check("Encode", words); err != nil {
		return ids, err
	}
	n := len(ids)
	for word := range words {
		id, _ := v.Lookup(word)
		if id < 0 {
			return ids[:n], &WordError{Word: word, Index: len(ids) - n, Size: v.Len()}
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// Decode appends the words of ids to words. An id that is not in v is an *IDError, with its
// place in ids as Step; then words is returned as it was.
func (v *Vocabulary) Decode(words []string, ids []int32) ([]string, error) {
	if v == nil {
		return nil, nilcheck.Receiver("data", "Vocabulary", "Decode")
	}
	n := len(words)
	for i, id := range ids {
		if id < 0 || int(id) >= v.Len() {
			return words[:n], &IDError{What: "id", ID: id, Step: i, Row: -1, Limit: v.Len()}
		}
		words = append(words, v.words[id])
	}
	return words, nil
}

// A WordError names a word that a vocabulary does not have, and has no symbol for.
type WordError struct {
	Word  string
	Index int // its place among the words that were encoded
	Size  int // words of the vocabulary
}

// Error says which word it is and what to do.
func (e *WordError) Error() string {
	return fmt.Sprintf("data: word %d is %.60q, which is none of the %d words of the vocabulary; make it with an Unknown symbol, or from a text that has the word", e.Index, e.Word, e.Size)
}
