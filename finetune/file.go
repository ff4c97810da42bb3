package finetune

import (
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/nn"
)

// kind is the value of "kind" in the metadata of a file of adapters.
const kind = "simdrnn.adapters"

// SaveFile writes what is trained, with shapes, to a safetensors file: A and B of each
// matrix, and the parameters of LowRank.Train. Its metadata has "rank", "alpha" and "base",
// the Fingerprint of the net before Adapt. It replaces the file in one step.
func (a *Adapted) SaveFile(name string) error {
	if a == nil {
		return nilcheck.Receiver("finetune", "Adapted", "SaveFile")
	}
	base := a.Base()
	return safetensors.WriteFile(name, map[string]string{
		"kind": kind, "base": hex.EncodeToString(base[:]),
		"rank": strconv.Itoa(a.how.Rank), "alpha": strconv.FormatFloat(float64(a.how.scale())*float64(a.how.Rank), 'g', -1, 64),
	}, tensorsOf(a.params, nn.Shapes(a))...)
}

// LoadFile sets what SaveFile wrote. The file has to be one of adapters of the same rank,
// alpha, patterns and base: on an error nothing is changed.
func (a *Adapted) LoadFile(name string) error {
	if a == nil {
		return nilcheck.Receiver("finetune", "Adapted", "LoadFile")
	}
	f, err := safetensors.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	base := a.Base()
	meta := f.Metadata()
	for _, want := range []struct{ key, value, do string }{
		{"kind", kind, "give a file that SaveFile of an Adapted wrote"},
		{"rank", strconv.Itoa(a.how.Rank), "call Adapt with the rank of the file"},
		{"alpha", strconv.FormatFloat(float64(a.how.scale())*float64(a.how.Rank), 'g', -1, 64), "call Adapt with the Alpha of the file"},
		{"base", hex.EncodeToString(base[:]), "the adapters belong to a net with other weights; adapt the net that they were trained on"},
	} {
		if got := meta[want.key]; got != want.value {
			return fmt.Errorf("finetune: %s has %s %q, want %q; %s", name, want.key, got, want.value, want.do)
		}
	}
	shapes := nn.Shapes(a)
	for tensor := range f.Names() {
		if _, ok := shapes[tensor]; !ok {
			return fmt.Errorf("finetune: %s has a tensor %q that is no parameter of these adapters; call Adapt with the patterns of the run that wrote it", name, tensor)
		}
	}
	if _, err := Load(a, f, Options{}); err != nil {
		return fmt.Errorf("finetune: %s: %w", name, err)
	}
	return nil
}
