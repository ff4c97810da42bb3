package bptt_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/optim"
)

const (
	trainInto = "SIMDRNN_TEST_TRAIN_INTO" // the folder of a program that is killed
	killsOf   = "SIMDRNN_KILLS"           // how many times, in place of a few
)

// killedSteps is the length of the run.
func killedSteps() int64 {
	if os.Getenv(killsOf) != "" {
		return 120
	}
	return 30
}

// trainUntilKilled is the program that TestKilled kills: a run of everything that a
// checkpoint keeps, which goes on from its last checkpoint.
func trainUntilKilled(dir string) error {
	var t testing.T
	sizes := traintest.Sizes{Vocabulary: 13, Embed: 5, Hidden: 8, Layers: 2, Steps: 6, Batch: 3, Masks: true}
	source, err := data.NewText(traintest.Text(200, sizes.Vocabulary), sizes.Batch)
	if err != nil {
		return err
	}
	held, err := data.NewText(traintest.Text(60, sizes.Vocabulary), sizes.Batch)
	if err != nil {
		return err
	}
	trainer, err := bptt.NewTrainer(traintest.LanguageModel(&t, 1, sizes), source, bptt.Plan{
		Window: 6, Stride: 4, Accumulate: 2, Steps: killedSteps(), ClipNorm: 1, Loss: loss.CrossEntropy{}, Optimizer: &optim.AdamW{LR: 1e-2, WeightDecay: 0.1},
		Schedule:   &falling{rate: 1},
		Validate:   bptt.Validate{Data: held, EverySteps: 3, EveryEpochs: 1, RestoreBest: true},
		Checkpoint: bptt.Checkpoints{Dir: dir, EverySteps: 1, Keep: 1},
	})
	if err != nil {
		return err
	}
	if _, err := trainer.ResumeLast(); err != nil {
		return err
	}
	_, err = trainer.Run(context.Background())
	return err
}

// TestKilled kills that program at random moments and starts it again. Whatever happens,
// its last checkpoint is whole, and in the end its files are those of a run that was never
// killed, byte for byte. With SIMDRNN_KILLS=1000 it is killed as many times.
func TestKilled(t *testing.T) {
	numtest.NeedsProcesses(t)
	kills := 12
	if testing.Short() {
		kills = 3
	}
	if s := os.Getenv(killsOf); s != "" {
		var err error
		kills, err = strconv.Atoi(s)
		require.NoError(t, err)
	}
	files := func(dir string) (all []string) {
		for _, name := range []string{bptt.LastFile, bptt.BestFile, fmt.Sprintf("step-%012d.ckpt", killedSteps())} {
			b, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(t, err)
			all = append(all, string(b))
		}
		return all
	}
	// run starts the program, and kills it after a while; it returns whether it was killed.
	run := func(dir string, after time.Duration) bool {
		c := numtest.Self()
		c.Env = append(os.Environ(), trainInto+"="+dir)
		c.Stderr = os.Stderr
		require.NoError(t, c.Start())
		var timer *time.Timer
		if after > 0 {
			timer = time.AfterFunc(after, func() { c.Process.Kill() })
		}
		err := c.Wait()
		if timer != nil {
			timer.Stop()
		}
		if err == nil {
			return false
		}
		require.False(t, after == 0 || c.ProcessState.Exited() && runtime.GOOS != "windows", "the program failed by itself: %v", err)
		return true
	}
	whole := t.TempDir()
	begin := time.Now()
	require.False(t, run(whole, 0))
	took := time.Since(begin)
	want := files(whole)

	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	dir, runs, places := t.TempDir(), 0, map[int64]bool{}
	for killed := 0; ; {
		after := time.Duration(0)
		if killed < kills {
			after = 1 + time.Duration(r.Int64N(int64(took/3))) // it takes some of this to start
		}
		if run(dir, after) {
			killed++
			c, err := bptt.ReadCheckpointFile(filepath.Join(dir, bptt.LastFile))
			if err == nil {
				places[c.Step] = true
			} else {
				require.ErrorIs(t, err, os.ErrNotExist, "after %d kills", killed)
			}
			continue
		}
		runs++
		got := files(dir)
		for i := range want {
			require.True(t, want[i] == got[i], "file %d of run %d differs, after %d kills", i, runs, killed)
		}
		if killed >= kills {
			break
		}
		dir = t.TempDir()
	}
	t.Logf("killed %d times, after %d different steps of %d runs", kills, len(places), runs)
}
