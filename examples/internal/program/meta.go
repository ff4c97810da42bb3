package program

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/convert/chain"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/nn"
)

// A Meta is what a checkpoint has beside the run: what a program needs to use the model
// without its data. Beside it stands what the stages of the model are, by which the command
// simdrnn and the server read the checkpoint.
type Meta struct {
	Vocabulary string   `json:",omitempty"` // as data.Vocabulary writes it
	Classes    []string `json:",omitempty"` // of a classifier
}

// NewMeta is the Meta of a vocabulary and of classes, nil if there are none.
func NewMeta(v *data.Vocabulary, classes []string) (Meta, error) {
	var b strings.Builder
	_, err := v.WriteTo(&b)
	return Meta{Vocabulary: b.String(), Classes: classes}, err
}

// Encode returns m with the description of net as JSON, for Checkpoints.Meta.
func (m Meta) Encode(net *nn.Model) ([]byte, error) {
	d, err := chain.Describe(net)
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Meta
		Chain json.RawMessage `json:"simdrnn.chain"` // chain.Key
	}{m, json.RawMessage(d)})
}

// ReadMeta reads what Encode wrote, and the vocabulary in it. Checkpoints of wordlm and tagger
// that are older have the vocabulary alone.
func ReadMeta(c *bptt.Checkpoint) (m Meta, v *data.Vocabulary, err error) {
	if json.Valid(c.Meta) {
		if err := json.Unmarshal(c.Meta, &m); err != nil {
			return m, nil, fmt.Errorf("the meta data of the checkpoint: %w", err)
		}
	} else {
		m.Vocabulary = string(bytes.Clone(c.Meta))
	}
	v, err = data.ReadVocabulary(strings.NewReader(m.Vocabulary))
	return m, v, err
}
