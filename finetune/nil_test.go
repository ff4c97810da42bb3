package finetune_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/finetune"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/nn"
)

// TestNil: no net and no tensors are errors, and so is a file without a name.
func TestNil(t *testing.T) {
	net, _ := traintest.Tiny()
	var none *nn.Model
	for _, bad := range []nn.Net{nil, none} {
		_, err := finetune.FromNet(bad)
		require.ErrorContains(t, err, "the net is nil")
		from, err := finetune.FromNet(net)
		require.NoError(t, err)
		_, err = finetune.Load(bad, from, finetune.Options{})
		require.ErrorContains(t, err, "the net is nil")
		require.ErrorContains(t, finetune.SaveFile(t.TempDir()+"/a", bad, nil), "the net is nil")
	}
	_, err := finetune.Load(net, nil, finetune.Options{})
	require.ErrorContains(t, err, "finetune: Load from nil")
	require.ErrorContains(t, finetune.SaveFile("", net, nil), "a file without a name cannot be written")
}
