package bptt_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/internal/wire"
	"github.com/simdrnn/simdrnn/nn"
)

// intoFolder is a run with files.
func intoFolder(t *testing.T, p bptt.Plan) (*nn.Model, *bptt.Trainer) {
	t.Helper()
	net := traintest.LanguageModel(t, 1, traintest.Small)
	trainer, err := bptt.NewTrainer(net, traintest.TextData(t, 400, traintest.Small), plan(p))
	require.NoError(t, err)
	return net, trainer
}

func names(t *testing.T, dir string) (n []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		n = append(n, e.Name())
	}
	return n
}

func stepOf(t *testing.T, name string) int64 {
	t.Helper()
	c, err := bptt.ReadCheckpointFile(name)
	require.NoError(t, err)
	return c.Step
}

// TestFilesWhen: which files a run writes, and when.
func TestFilesWhen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	last, best := filepath.Join(dir, bptt.LastFile), filepath.Join(dir, bptt.BestFile)
	v := measures(3, 1, 2, 4, 5, 6)
	var seen []string
	net, trainer := intoFolder(t, bptt.Plan{
		Steps: 11, Validate: v, Checkpoint: bptt.Checkpoints{Dir: dir, EverySteps: 4, Keep: 2, Meta: []byte("meta")},
		OnStep: func(p bptt.Progress) error {
			at := int64(0)
			if p.Step > 4 {
				at = stepOf(t, last)
			}
			if p.Step > 2 {
				seen = append(seen, fmt.Sprintf("%d: last %d, best %d", p.Step, at, stepOf(t, best)))
			}
			return nil
		},
	})
	_, err := trainer.Run(context.Background())
	require.NoError(t, err)
	require.Equal(t, []string{
		"3: last 0, best 2", "4: last 0, best 2", "5: last 4, best 4", "6: last 4, best 4", "7: last 4, best 4",
		"8: last 4, best 4", "9: last 8, best 4", "10: last 8, best 4", "11: last 8, best 4",
	}, seen)
	require.Equal(t, int64(11), stepOf(t, last), "the one at the end")
	require.Equal(t, []string{"best.ckpt", "last.ckpt", "step-000000000004.ckpt", "step-000000000008.ckpt"}, names(t, dir))
	require.Equal(t, int64(4), stepOf(t, filepath.Join(dir, "step-000000000004.ckpt")))
	require.Equal(t, int64(8), stepOf(t, filepath.Join(dir, "step-000000000008.ckpt")))

	// ResumeLast goes on from it; the oldest file goes; a file of that step is replaced.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "step-000000000012.ckpt"), []byte("from a run that was killed"), 0o666))
	other, resumed := intoFolder(t, bptt.Plan{Steps: 13, Checkpoint: bptt.Checkpoints{Dir: dir, EverySteps: 4, Keep: 2}})
	found, err := resumed.ResumeLast()
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, nn.Fingerprint(net), nn.Fingerprint(other))
	_, err = resumed.Run(context.Background())
	require.NoError(t, err)
	require.Equal(t, []string{"best.ckpt", "last.ckpt", "step-000000000008.ckpt", "step-000000000012.ckpt"}, names(t, dir))
	require.Equal(t, int64(12), stepOf(t, filepath.Join(dir, "step-000000000012.ckpt")))
	require.Equal(t, int64(13), stepOf(t, last))

	// Files of later steps are of another run, and others are none of Run's: all stay, and
	// none takes the place of one that was just written.
	for _, name := range []string{"step-000000000100.ckpt", "step-best.ckpt", "step-5.ckpt", "step-+00000000005.ckpt", "step--00000000005.ckpt"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("of another"), 0o666))
	}
	_, anew := intoFolder(t, bptt.Plan{Steps: 3, Checkpoint: bptt.Checkpoints{Dir: dir, EverySteps: 1, Keep: 2}})
	_, err = anew.Run(context.Background())
	require.NoError(t, err)
	require.Equal(t, []string{
		"best.ckpt", "last.ckpt", "step-+00000000005.ckpt", "step--00000000005.ckpt", "step-000000000002.ckpt", "step-000000000003.ckpt",
		"step-000000000008.ckpt", "step-000000000012.ckpt", "step-000000000100.ckpt", "step-5.ckpt", "step-best.ckpt",
	}, names(t, dir))

	// Nothing happens, nothing is written.
	require.NoError(t, os.Remove(last))
	_, err = resumed.Run(context.Background())
	require.NoError(t, err)
	require.NoFileExists(t, last)
	_, resumed = intoFolder(t, bptt.Plan{Steps: 13, Checkpoint: bptt.Checkpoints{Dir: dir}})
	found, err = resumed.ResumeLast()
	require.NoError(t, err)
	require.False(t, found)
}

// TestFilesByTime: LastFile is due when the time is over, looked at after an update; and
// without a limit for it at the end only.
func TestFilesByTime(t *testing.T) {
	for _, every := range []time.Duration{0, time.Nanosecond, time.Hour} {
		dir := t.TempDir()
		var saved []string
		_, trainer := intoFolder(t, bptt.Plan{Steps: 3, Checkpoint: bptt.Checkpoints{Dir: dir, Every: every}, Log: bptt.Log{Metrics: writer(func(line string) {
			if strings.Contains(line, `"checkpoint"`) {
				saved = append(saved, strings.Split(line, ",")[1])
			}
		})}})
		_, err := trainer.Run(context.Background())
		require.NoError(t, err)
		if every == time.Nanosecond {
			require.Equal(t, []string{`"step":1`, `"step":2`, `"step":3`}, saved)
		} else {
			require.Equal(t, []string{`"step":3`}, saved)
		}
	}
}

// TestFilesAtTheEnd: the context and ErrStop leave a checkpoint of the run without the
// interruption, an update of several windows included; an error leaves none.
func TestFilesAtTheEnd(t *testing.T) {
	whole, trainer := intoFolder(t, bptt.Plan{Steps: 9, Accumulate: 3})
	_, err := trainer.Run(context.Background())
	require.NoError(t, err)
	bad := errors.New("bad")
	for _, with := range []error{nil, bptt.ErrStop, bad} {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(context.Background())
		_, trainer := intoFolder(t, bptt.Plan{
			Steps: 9, Accumulate: 3, Checkpoint: bptt.Checkpoints{Dir: dir},
			OnStep: func(p bptt.Progress) error {
				if p.Step == 4 {
					if with == nil {
						cancel()
					}
					return with
				}
				return nil
			},
		})
		_, err := trainer.Run(ctx)
		cancel()
		switch with {
		case nil:
			require.ErrorIs(t, err, context.Canceled)
		case bad:
			require.ErrorIs(t, err, bad)
			require.Empty(t, names(t, dir))
			continue
		default:
			require.NoError(t, err)
		}
		net, resumed := intoFolder(t, bptt.Plan{Steps: 9, Accumulate: 3, Checkpoint: bptt.Checkpoints{Dir: dir}})
		found, err := resumed.ResumeLast()
		require.NoError(t, err)
		require.True(t, found)
		_, err = resumed.Run(context.Background())
		require.NoError(t, err)
		require.Equal(t, nn.Fingerprint(whole), nn.Fingerprint(net))
	}
	// With files an update is completed, whenever the context ends.
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	net := traintest.LanguageModel(t, 1, traintest.Small)
	n := 0
	trainer, err = bptt.NewTrainer(net, &wrong{Text: traintest.TextData(t, 400, traintest.Small), n: -1, fail: func(*data.Batch) error { cancel(); return nil }}, plan(bptt.Plan{
		Accumulate: 3, Checkpoint: bptt.Checkpoints{Dir: dir}, OnStep: func(bptt.Progress) error { n++; return nil },
	}))
	require.NoError(t, err)
	_, err = trainer.Run(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, []int64{2, 2}, []int64{int64(n), stepOf(t, filepath.Join(dir, bptt.LastFile))})
}

// faultyDisk fails its n-th call.
type faultyDisk struct {
	calls *[]string
	fail  int
	err   error
}

func (d faultyDisk) call(name string) error {
	*d.calls = append(*d.calls, name)
	if len(*d.calls) == d.fail {
		return &fs.PathError{Op: name, Path: "disk", Err: d.err}
	}
	return nil
}

func (d faultyDisk) Create(name string) (wire.WritableFile, error) {
	if err := d.call("create"); err != nil {
		return nil, err
	}
	f, err := wire.Disk.Create(name)
	return faultyFile{f, d}, err
}

func (d faultyDisk) Rename(from, to string) error {
	if err := d.call("rename"); err != nil {
		return err
	}
	return wire.Disk.Rename(from, to)
}

func (d faultyDisk) SyncDir(dir string) error {
	return d.call("syncdir") // the power stays on
}

type faultyFile struct {
	wire.WritableFile
	disk faultyDisk
}

func (f faultyFile) Write(b []byte) (int, error) {
	if err := f.disk.call("write"); err != nil {
		n, _ := f.WritableFile.Write(b[:len(b)/2])
		return n, err
	}
	return f.WritableFile.Write(b)
}

func (f faultyFile) Sync() error {
	return f.disk.call("sync")
}

func (f faultyFile) Close() error {
	err := f.disk.call("close")
	return errors.Join(f.WritableFile.Close(), err)
}

// TestDiskFaults: whichever call fails while the second checkpoint or the best one is
// written, the files that were there are whole and of the run, the error says what became
// of the file, and the run goes on to the same end when it is called again or resumed.
func TestDiskFaults(t *testing.T) {
	start := func(dir string) (*nn.Model, *bptt.Trainer) {
		v := measures(3, 2, 1)
		v.Measure = func(context.Context) (float64, error) { return 1, nil }
		v.EverySteps = 3
		return intoFolder(t, bptt.Plan{Steps: 5, Validate: v, Checkpoint: bptt.Checkpoints{Dir: dir, EverySteps: 2, Keep: 1}})
	}
	var calls []string
	dir := t.TempDir()
	whole, trainer := start(dir)
	trainer.OnDisk(faultyDisk{calls: &calls})
	_, err := trainer.Run(context.Background())
	require.NoError(t, err)
	all := len(calls)
	require.Subset(t, calls, []string{"create", "write", "sync", "close", "rename", "syncdir"})
	require.GreaterOrEqual(t, all, 6*6, "two files at 2, best at 3, two files at 4, last at 5")
	for n := 1; n <= all; n++ {
		causes := []error{syscall.ENOSPC, syscall.EIO}
		if testing.Short() {
			causes = causes[n%2:][:1]
		}
		for _, cause := range causes {
			dir, seen := t.TempDir(), []string{}
			net, trainer := start(dir)
			trainer.OnDisk(faultyDisk{&seen, n, cause})
			report, err := trainer.Run(context.Background())
			require.ErrorIs(t, err, cause, "call %d", n)
			call := seen[n-1]
			require.ErrorContains(t, err, fmt.Sprintf("bptt: the checkpoint after step %d: ", report.Step))
			if call == "syncdir" {
				require.ErrorContains(t, err, "is the new file, but may be lost when the power fails")
			} else {
				require.ErrorContains(t, err, "was not written, and is what it was before")
			}
			files := 0
			for _, name := range names(t, dir) {
				step := stepOf(t, filepath.Join(dir, name))
				require.LessOrEqual(t, step, report.Step)
				if name == bptt.LastFile && step%2 == 0 {
					require.Equal(t, step, stepOf(t, filepath.Join(dir, fmt.Sprintf("step-%012d.ckpt", step))), "it was written before")
				}
				if !strings.HasPrefix(name, "step-") {
					require.Contains(t, []string{bptt.LastFile, bptt.BestFile}, name, "nothing else is left")
					files++
				}
			}
			if report.Step > 3 {
				require.Equal(t, 2, files)
			}
			other, resumed := start(dir)
			resumed.OnDisk(faultyDisk{calls: &seen})
			_, err = resumed.ResumeLast()
			require.NoError(t, err)
			first, second := trainer, resumed
			if n%2 == 0 {
				first, second = resumed, trainer
			}
			for _, again := range []*bptt.Trainer{first, second} {
				report, err := again.Run(context.Background())
				require.NoError(t, err)
				require.Equal(t, int64(5), report.Step)
				require.Equal(t, int64(3), stepOf(t, filepath.Join(dir, bptt.BestFile)))
				require.Equal(t, int64(5), stepOf(t, filepath.Join(dir, bptt.LastFile)))
				require.NoError(t, os.Remove(filepath.Join(dir, bptt.LastFile)))
			}
			require.Equal(t, nn.Fingerprint(whole), nn.Fingerprint(net), "called again after call %d", n)
			require.Equal(t, nn.Fingerprint(whole), nn.Fingerprint(other), "resumed after call %d", n)
		}
	}
}

// TestFolders that cannot be written to: the run ends with an error that names the place,
// and the checkpoint in it is what it was.
func TestFolders(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	_, trainer := intoFolder(t, bptt.Plan{Steps: 2, Checkpoint: bptt.Checkpoints{Dir: file}})
	_, err := trainer.Run(context.Background())
	require.ErrorContains(t, err, "bptt: the folder of Plan.Checkpoint: ")
	require.ErrorContains(t, err, file)

	// A folder that goes while the run is under way.
	gone := filepath.Join(dir, "gone")
	_, trainer = intoFolder(t, bptt.Plan{Steps: 3, Checkpoint: bptt.Checkpoints{Dir: gone, EverySteps: 1}, OnStep: func(p bptt.Progress) error {
		if p.Step == 2 {
			return os.RemoveAll(gone)
		}
		return nil
	}})
	report, err := trainer.Run(context.Background())
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "bptt: the checkpoint after step 2: ")
	require.Equal(t, int64(2), report.Step)
	report, err = trainer.Run(context.Background())
	require.NoError(t, err, "Run makes the folder")
	require.Equal(t, int64(3), report.Step)

	t.Run("that is only read", func(t *testing.T) {
		if runtime.GOOS == "windows" || os.Geteuid() == 0 {
			t.Skip("NOT EXERCISED: Windows and the superuser write into any folder")
		}
		_, trainer := intoFolder(t, bptt.Plan{Steps: 4, Checkpoint: bptt.Checkpoints{Dir: gone, EverySteps: 1}})
		require.NoError(t, os.Chmod(gone, 0o555))
		defer os.Chmod(gone, 0o777)
		_, err := trainer.Run(context.Background())
		require.ErrorIs(t, err, fs.ErrPermission)
		require.Equal(t, int64(3), stepOf(t, filepath.Join(gone, bptt.LastFile)))
	})

	for name, c := range map[string]bptt.Checkpoints{
		"without Dir":                       {EverySteps: 1},
		"without Dir ":                      {Keep: 1, Every: 1},
		"no file is due that it could keep": {Dir: dir, Keep: 1},
		"-1 steps":                          {Dir: dir, EverySteps: -1},
		"Keep is -1":                        {Dir: dir, Keep: -1},
	} {
		_, err := bptt.NewTrainer(traintest.NewLeaky(6, 1), &traintest.Script{N: 9}, plan(bptt.Plan{Checkpoint: c}))
		require.ErrorContains(t, err, strings.TrimSpace(name))
	}
	_, trainer = intoFolder(t, bptt.Plan{Steps: 2})
	_, err = trainer.ResumeLast()
	require.ErrorContains(t, err, "Plan.Checkpoint.Dir")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "bad"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bad", bptt.LastFile), []byte("no checkpoint"), 0o666))
	_, trainer = intoFolder(t, bptt.Plan{Steps: 2, Checkpoint: bptt.Checkpoints{Dir: filepath.Join(dir, "bad")}})
	found, err := trainer.ResumeLast()
	var format *bptt.FormatError
	require.ErrorAs(t, err, &format)
	require.ErrorContains(t, err, filepath.Join(dir, "bad", bptt.LastFile)+" is damaged, and left as it is: ")
	require.False(t, found)

	// A file of another run is named too, and so is a folder that is none.
	require.NoError(t, os.Remove(filepath.Join(dir, "bad", bptt.LastFile)))
	other := traintest.Must(bptt.NewTrainer(traintest.NewLeaky(6, 1), &traintest.Script{N: 9}, plan(bptt.Plan{Steps: 2})))
	require.NoError(t, other.SaveFile(filepath.Join(dir, "bad", bptt.LastFile)))
	found, err = trainer.ResumeLast()
	require.ErrorContains(t, err, "bptt: resuming from "+filepath.Join(dir, "bad", bptt.LastFile)+": ")
	require.False(t, found)
	_, trainer = intoFolder(t, bptt.Plan{Steps: 2, Checkpoint: bptt.Checkpoints{Dir: filepath.Join(dir, "bad", bptt.LastFile)}})
	_, err = trainer.ResumeLast()
	require.ErrorContains(t, err, "bptt: resuming from "+filepath.Join(dir, "bad", bptt.LastFile, bptt.LastFile)+": ")
}
