package main

import (
	"encoding/binary"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
)

// TestCurriculum: half of the batches have the delay at hand and the others a shorter one, and
// each is one of the problem; the delay grows by a twentieth when enough batches of it were
// right, up to the last one.
func TestCurriculum(t *testing.T) {
	const from, full, rows = 38, 41, 3
	c := newCurriculum(from, full, rows, 1, 2)
	var b data.Batch
	seen := map[int]int{}
	for range 4000 {
		require.NoError(t, c.Next(&b))
		delay := b.Steps - 20
		seen[delay]++
		require.Equal(t, []bool{true, true, true}, b.Reset)
		require.Len(t, b.X, b.Steps*rows*kinds)
		require.Equal(t, float32(1), b.X[(delay+9)*rows*kinds+now])
		for i, symbol := range b.Targets[(delay+10)*rows:] {
			require.Equal(t, float32(1), b.X[i*kinds+int(symbol)])
		}
		sum := float32(0)
		for _, x := range b.X {
			sum += x
		}
		require.EqualValues(t, b.Steps*rows, sum, "one kind a step")
	}
	require.Len(t, seen, from, "1 to 38")
	require.InDelta(t, 2000+2000/from, seen[from], 160) // five deviations
	for delay := 1; delay < from; delay++ {
		require.InDelta(t, 2000/from, seen[delay], 40, delay)
	}
	b.Want = full + 19
	require.ErrorContains(t, c.Next(&b), "sequences of up to 61 steps are asked for in parts of 60")

	for range 40 {
		c.learned(from-1, 1)
		c.learned(from, 0.94)
	}
	require.Equal(t, from, c.at, "not enough are right, or not of this delay")
	grown := []int{}
	for range 5 {
		for before := c.at; c.at == before && c.at < full; {
			c.learned(c.at, 1)
		}
		grown = append(grown, c.at)
	}
	require.Equal(t, []int{39, 40, 41, 41, 41}, grown)
	c = newCurriculum(40, 90, rows, 1, 2)
	for range 29 {
		c.learned(40, 1)
	}
	require.Equal(t, 40, c.at)
	c.learned(40, 1)
	require.Equal(t, []any{42, 0, 0.0}, []any{c.at, c.seen, c.share})
	require.NoError(t, c.Rewind())
	require.Equal(t, 40, c.at)
}

// TestCurriculumPosition: a position has the delay and what is known of it, and one of
// another curriculum, or a damaged one, is refused.
func TestCurriculumPosition(t *testing.T) {
	c := newCurriculum(2, 9, 3, 1, 2)
	var b, d data.Batch
	for range 45 {
		require.NoError(t, c.Next(&b))
		c.learned(c.at, 1)
	}
	require.Equal(t, 3, c.at)
	at, err := c.MarshalBinary()
	require.NoError(t, err)
	again := newCurriculum(2, 9, 3, 7, 7)
	require.NoError(t, again.UnmarshalBinary(at))
	for range 30 {
		require.NoError(t, c.Next(&b))
		require.NoError(t, again.Next(&d))
		require.Equal(t, b.X, d.X)
		c.learned(c.at, 1)
		again.learned(again.at, 1)
		require.Equal(t, c.at, again.at)
	}
	require.Equal(t, 4, c.at)
	require.ErrorContains(t, newCurriculum(2, 8, 3, 1, 2).UnmarshalBinary(at), "sequences of other delays")
	require.ErrorContains(t, newCurriculum(2, 9, 4, 1, 2).UnmarshalBinary(at), "other batches")
	require.ErrorContains(t, c.UnmarshalBinary(at[:47]), "a position of 47 bytes, want at least 48")
	require.ErrorContains(t, c.UnmarshalBinary(at[:50]), "no state of the generator")
	for place, wrong := range map[int]uint64{3: 10, 4: 1 << 40, 5: math.Float64bits(math.NaN())} {
		bad := append([]byte(nil), at...)
		binary.LittleEndian.PutUint64(bad[8*place:], wrong)
		require.ErrorContains(t, c.UnmarshalBinary(bad), "want a delay of 2 to 9", place)
	}
	require.Equal(t, 4, c.at, "nothing has changed")
}

// TestLessons: the loss tells the curriculum what is right, batch by batch.
func TestLessons(t *testing.T) {
	c := newCurriculum(3, 5, 2, 1, 2)
	l := &lessons{of: c}
	var b data.Batch
	answer := func(wrong bool) {
		for seen, at := c.seen, c.at; c.seen == seen && c.at == at; {
			require.NoError(t, c.Next(&b))
			y := make([]float32, len(b.Targets)*kinds)
			for i, target := range b.Targets {
				if wrong && target < alphabet {
					target = (target + 1) % alphabet
				}
				y[i*kinds+int(target)] = 9
			}
			_, err := l.Loss(nil, y, &b, 0, new(loss.Scratch))
			require.NoError(t, err)
		}
	}
	answer(true)
	require.Equal(t, []any{1, 0.0}, []any{c.seen, c.share})
	answer(false)
	require.Equal(t, []any{2, 0.5}, []any{c.seen, c.share})
	for c.at == 3 {
		answer(false)
	}
	require.Equal(t, 4, c.at)
}

// TestCurriculumLearns: what comes with a delay that is not the last one is what the network
// is trained on, and soon it knows there when to answer.
func TestCurriculumLearns(t *testing.T) {
	o, err := parse(tiny(t.TempDir(), "-delay", "9", "-from", "2", "-hidden", "16", "-batch", "8", "-rate", "0.02"), io.Discard)
	require.NoError(t, err)
	m, err := o.newModel()
	require.NoError(t, err)
	training, err := o.training(m)
	require.NoError(t, err)
	training.Plan.Validate, training.Plan.Steps = bptt.Validate{}, 100
	report, err := bptt.Train(t.Context(), training.Net, training.Data, training.Plan)
	require.NoError(t, err)
	require.Less(t, report.Loss, 1.1*10*math.Log(8)/21)
}

// TestGradual: with -from the rate stays for longer, and so does the run, unless it is told
// otherwise; a resumed run has the values that it began with.
func TestGradual(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args string
		want []any
	}{
		{"", []any{0.01, int64(8000), int64(8000)}},
		{"-from 1", []any{0.005, int64(20000), int64(20000)}},
		{"-from 1 -rate 0.02 -steps 3", []any{0.02, int64(20000), int64(3)}},
		{"-from 1 -fall 7", []any{0.005, int64(7), int64(20000)}},
	} {
		o, err := parse(tiny(dir, strings.Fields(c.args)...), io.Discard)
		require.NoError(t, err, c.args)
		require.Equal(t, c.want, []any{o.rate, o.fall, o.Steps}, c.args)
	}
	r := tested.Command(tiny(dir, "-from", "1", "-rate", "0.02", "-steps", "2")...)
	require.Equal(t, 1, r.Code, r.Stderr)
	o, err := parse([]string{"-out", dir, "-resume", "-steps", "4"}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, []any{1, 0.02, int64(20000), int64(4)}, []any{o.from, o.rate, o.fall, o.Steps})
}

// TestResumeCurriculum: a run in parts ends as a run in one.
func TestResumeCurriculum(t *testing.T) {
	tested.InParts(t, "-steps 17", "-steps 32", append(tiny(""), "-from", "1"))
}
