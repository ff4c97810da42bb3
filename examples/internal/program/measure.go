package program

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
)

// Measure gives metrics the outputs of net over an epoch of source: see bptt.Evaluate.
func Measure(ctx context.Context, net nn.Net, source data.Source, metrics ...loss.Metric) error {
	_, _, err := bptt.Evaluate(ctx, net, source, loss.CrossEntropy{}, metrics...)
	return err
}

// restoreBest puts the parameters of the best validation in the net of an interrupted
// training, which has those of its last update. Before the first validation it does nothing.
func restoreBest(t *bptt.Trainer, net nn.Net) error {
	var file bytes.Buffer
	if err := t.Save(&file); err != nil {
		return err
	}
	c, err := bptt.ReadCheckpoint(&file)
	if err != nil {
		return err
	}
	if err = c.BestParams(net); errors.As(err, new(*bptt.MissingError)) {
		return nil
	}
	return err
}

// Hash is the fingerprint of a net as programs print it.
func Hash(net nn.Net) string {
	sum := nn.Fingerprint(net)
	return "sha256 " + hex.EncodeToString(sum[:])
}

// Trained reads the checkpoint of the best parameters in the folder, or of the last ones
// where there was no validation, for a program that uses a trained model.
func (f *Flags) Trained() (*bptt.Checkpoint, error) {
	c, err := bptt.ReadCheckpointFile(f.Path(bptt.BestFile))
	if errors.Is(err, fs.ErrNotExist) {
		c, err = bptt.ReadCheckpointFile(f.Path(bptt.LastFile))
	}
	if err != nil {
		return nil, fmt.Errorf("%w; train a model first, or name its folder with -out", err)
	}
	return c, nil
}
