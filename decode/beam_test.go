package decode_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"testing"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/decode"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"

	"github.com/stretchr/testify/require"
)

// everyText returns all texts of at most most symbols with their likelihoods, in plain
// float64 by the standard library.
func everyText(logits func([]int32) []float32, prompt []int32, how decode.Beam) (all []decode.Hypothesis) {
	penalty := how.Penalty
	if penalty == nil {
		penalty = func(int) float64 { return 1 }
	}
	var walk func(text []int32, sum float64)
	walk = func(text []int32, sum float64) {
		n := len(text)
		ended := n > 0 && slices.Contains(how.Stop, text[n-1])
		if ended || n == how.Most {
			all = append(all, decode.Hypothesis{IDs: slices.Clone(text), LogProb: sum, Score: sum / penalty(n), Ended: ended})
			return
		}
		x := logits(append(slices.Clone(prompt), text...))
		total := 0.0
		for _, v := range x {
			total += math.Exp(float64(v))
		}
		for id, v := range x {
			if v != inf(-1) {
				walk(append(slices.Clone(text), int32(id)), sum+float64(v)-math.Log(total))
			}
		}
	}
	walk(nil, 0)
	sort.SliceStable(all, func(a, b int) bool { return all[a].Score > all[b].Score })
	return all
}

var penalties = map[string]decode.Penalty{
	"none": nil, "mean": decode.Mean, "GNMT 0.6": decode.GNMT(0.6), "GNMT 2": decode.GNMT(2), "GNMT -1": decode.GNMT(-1),
	"odd": func(n int) float64 { return []float64{0, 3, 1, 4, 1.5, 9}[n] },
}

// TestBeamOfAllTexts: a beam as wide as there are texts finds the best ones of all, as
// plain enumeration in float64 does, with every penalty.
func TestBeamOfAllTexts(t *testing.T) {
	for name, penalty := range penalties {
		seeds, most := byte(6), 5
		if testing.Short() {
			seeds, most = 4, 3
		}
		for seed := range seeds {
			v := 3 + int(seed%2)
			smooth := func(history []int32) []float32 {
				x := hashed(v, seed, true)(history)
				for i := range x {
					// No two texts are equally likely.
					x[i] = x[i]*1.3 + float32(math.Sin(float64(len(history)*7+i*3)+float64(history[len(history)-1])))/3
				}
				return x
			}
			width := int(math.Pow(float64(v), float64(most)))
			how := decode.Beam{Width: width, Most: most, Best: 5, Penalty: penalty, Stop: []int32{int32(v - 1)}}
			if seed == 3 {
				how.Stop = nil
			}
			want := everyText(smooth, []int32{1}, how)
			found, err := decode.Search(newFake(width, v, smooth), []int32{1}, how)
			require.NoError(t, err)
			require.Len(t, found, min(5, len(want)))
			for i, h := range found {
				require.InDelta(t, want[i].Score, h.Score, 1e-5, "%s, seed %d, text %d", name, seed, i)
				if i+1 < len(want) && want[i].Score-want[i+1].Score > 1e-4 && (i == 0 || want[i-1].Score-want[i].Score > 1e-4) {
					require.Equal(t, want[i].IDs, h.IDs, "%s, seed %d, text %d", name, seed, i)
					require.Equal(t, want[i].Ended, h.Ended)
					require.InDelta(t, want[i].LogProb, h.LogProb, 1e-5)
				}
			}
		}
	}
}

// plainBeam is beam search as Beam describes it: every continuation is sorted, and no
// search ends before Most but an Eager one.
func plainBeam(logits func([]int32) []float32, prompt []int32, how decode.Beam) []decode.Hypothesis {
	type text struct {
		ids   []int32
		score float64
		beam  int
	}
	var found []decode.Hypothesis
	finish := func(x text, ended bool) {
		score := x.score
		if how.Penalty != nil {
			score /= how.Penalty(len(x.ids))
		}
		found = append(found, decode.Hypothesis{IDs: x.ids, LogProb: x.score, Score: score, Ended: ended})
	}
	live := []text{{}}
	for n := 1; n <= how.Most && len(live) > 0; n++ {
		var all []text
		for beam, l := range live {
			x := logits(append(slices.Clone(prompt), l.ids...))
			excluded := make([]bool, len(x))
			for _, id := range how.Forbid {
				excluded[id] = true
			}
			if how.Exclude != nil {
				how.Exclude(0, l.ids, excluded)
			}
			for id, p := range decode.LogProbs(x) {
				if x[id] != inf(-1) && !excluded[id] {
					all = append(all, text{append(slices.Clone(l.ids), int32(id)), l.score + p, beam})
				}
			}
		}
		sort.Slice(all, func(i, j int) bool {
			a, b := all[i], all[j]
			if a.score != b.score {
				return a.score > b.score
			}
			if a.ids[n-1] != b.ids[n-1] {
				return a.ids[n-1] < b.ids[n-1]
			}
			return a.beam < b.beam
		})
		live = nil
		for place, x := range all {
			switch {
			case !slices.Contains(how.Stop, x.ids[n-1]):
				if len(live) < how.Width {
					live = append(live, x)
				}
			case place < how.Width:
				finish(x, true)
			}
		}
		if n == how.Most {
			for _, x := range live {
				finish(x, false)
			}
		} else if how.Eager && len(found) >= how.Width {
			break
		}
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].Score > found[j].Score })
	return found[:min(len(found), max(1, how.Best))]
}

// TestBeamAgainstPlainOne: random settings on models with many equal logits, some of
// them -Inf: the same texts and scores to the bit, although a search ends early where it can.
func TestBeamAgainstPlainOne(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		r := traintest.Rng(11)
		cases := 1500
		if testing.Short() {
			cases = 120
		}
		names := slices.Sorted(func(yield func(string) bool) {
			for name := range penalties {
				if !yield(name) {
					return
				}
			}
		})
		ended, steps, whole := 0, 0, 0
		for range cases {
			v := 1 + r.IntN(6)
			how := decode.Beam{Width: 1 + r.IntN(7), Most: 1 + r.IntN(5), Eager: r.IntN(3) == 0, Penalty: penalties[names[r.IntN(len(names))]]}
			how.Best = r.IntN(how.Width + 1)
			for id := range int32(v) {
				if r.IntN(4) == 0 {
					how.Stop = append(how.Stop, id)
				}
				if id > 0 && r.IntN(9) == 0 {
					how.Forbid = append(how.Forbid, id)
				}
			}
			if r.IntN(3) == 0 {
				how.Exclude = func(_ int, text []int32, excluded []bool) {
					excluded[0] = excluded[0] || len(text) < 2
					if n := len(text); n > 0 {
						excluded[text[n-1]] = true
					}
				}
			}
			f := newFake(how.Width, v, hashed(v, byte(r.IntN(256)), true))
			want := plainBeam(f.logits, []int32{0}, how)
			found, err := decode.Search(f, []int32{0}, how)
			require.NoError(t, err)
			require.Equal(t, len(want), len(found), "%+v", how)
			for i := range want {
				require.Equal(t, want[i], found[i], "text %d of %d, %d symbols, %+v", i, len(want), v, how)
				if found[i].Ended {
					ended++
				}
			}
			steps, whole = steps+f.steps, whole+how.Most
		}
		require.Greater(t, ended, cases/4)
		require.Less(t, steps, whole*9/10, "no search ended early")
	})
}

// TestBeamTexts of a small model: the same on every tier and machine, to the bit, and as
// likely as Score says.
func TestBeamTexts(t *testing.T) {
	how := decode.Beam{Width: 4, Most: 12, Best: 4, Stop: []int32{11}, Penalty: decode.GNMT(1.3)}
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		found, err := decode.Search(predictor(t, 4), []int32{1, 2}, how)
		require.NoError(t, err)
		var got []string
		for _, h := range found {
			got = append(got, fmt.Sprintf("%v %#x %#x %v", h.IDs, math.Float64bits(h.LogProb), math.Float64bits(h.Score), h.Ended))
			score, err := decode.Score(predictor(t, 1), []int32{1, 2}, h.IDs)
			require.NoError(t, err)
			require.Equal(t, score, h.LogProb)
		}
		require.Equal(t, []string{
			"[11] 0xc0031b5433a43184 0xc0031b5433a43184 true",
			"[0 11] 0xc012338a7d79c3d1 0xc00dcacc8f5e5a41 true",
			"[0 0 11] 0xc01b50f215896109 0xc012cb0c95d5175b true",
			"[3 0 11] 0xc01b71e777073a09 0xc012e1b962bedc4d true",
		}, got)
	})
}

// TestGroups: several prompts at a time, of different lengths, are what each is by itself;
// a Searcher can be used again; the first row of a group has the state that counts.
func TestGroups(t *testing.T) {
	how := decode.Beam{Width: 3, Most: 9, Best: 3, Stop: []int32{7, 2}, Penalty: decode.Mean}
	prompts := [][]int32{{1, 2, 3, 4}, {5}, {6, 7}}
	p := predictor(t, 9)
	s := traintest.Must(decode.NewSearcher(p, how))
	for range 2 {
		found, err := s.Search(prompts...)
		require.NoError(t, err)
		require.Len(t, found, 3)
		for g, prompt := range prompts {
			alone, err := decode.Search(predictor(t, 3), prompt, how)
			require.NoError(t, err)
			require.Equal(t, alone, found[g], "prompt %d", g)
		}
		p.Reset()
	}

	// Rows 1, 2, 4 and 5 have read something else before.
	logits := hashed(5, 1, false)
	f := newFake(6, 5, logits)
	f.history = [][]int32{{4}, {1}, {2}, {3, 3}, nil, {0}}
	how.Stop = []int32{4}
	var seen []int
	how.Exclude = func(group int, text []int32, _ []bool) {
		if len(text) == 0 {
			seen = append(seen, group)
		}
	}
	found, err := traintest.Must(decode.NewSearcher(f, how)).Search([]int32{1}, []int32{2, 2})
	require.NoError(t, err)
	require.Equal(t, []int{0, 1}, seen)
	require.Equal(t, plainBeam(logits, []int32{4, 1}, how), found[0])
	require.Equal(t, plainBeam(logits, []int32{3, 3, 2, 2}, how), found[1])
}

// TestBeamEdges: one symbol, more texts than symbols, and texts that nothing can follow.
func TestBeamEdges(t *testing.T) {
	search := func(how decode.Beam, logits ...float32) []decode.Hypothesis {
		t.Helper()
		found, err := decode.Search(newFake(how.Width, len(logits), always(logits...)), []int32{0}, how)
		require.NoError(t, err)
		return found
	}
	require.Equal(t, []decode.Hypothesis{{IDs: []int32{0, 0, 0}}}, search(decode.Beam{Width: 4, Most: 3, Best: 4}, 5))
	require.Equal(t, []decode.Hypothesis{{IDs: []int32{0}, Ended: true}}, search(decode.Beam{Width: 4, Most: 3, Best: 4, Stop: []int32{0}}, 5))
	require.Equal(t, []decode.Hypothesis{{IDs: []int32{1, 1}}}, search(decode.Beam{Width: 3, Most: 2, Best: 3}, inf(-1), -7, inf(-1)))
	require.Len(t, search(decode.Beam{Width: 9, Most: 2, Best: 9}, 1, 2), 4)
	require.Len(t, search(decode.Beam{Width: 9, Most: 2}, 1, 2), 1)
	never := func(_ int, text []int32, excluded []bool) {
		for id := range excluded {
			excluded[id] = len(text) == 1
		}
	}
	require.Empty(t, search(decode.Beam{Width: 2, Most: 5, Exclude: never}, 1, 2), "nothing can follow the first symbol")
	require.Equal(t, []int32{1}, search(decode.Beam{Width: 2, Most: 5, Exclude: never, Stop: []int32{1}}, 1, 2)[0].IDs)
	// Of equal texts the lower id, then the text that stood first: 00, 10, 01, 11.
	var ids [][]int32
	for _, h := range search(decode.Beam{Width: 4, Most: 2, Best: 4}, 3, 3) {
		ids = append(ids, h.IDs)
	}
	require.Equal(t, [][]int32{{0, 0}, {1, 0}, {0, 1}, {1, 1}}, ids)
	// As far apart as logits can be.
	h := search(decode.Beam{Width: 2, Most: 2, Best: 2}, -math.MaxFloat32, math.MaxFloat32)
	require.Zero(t, h[0].LogProb)
	require.Equal(t, -2*float64(math.MaxFloat32), h[1].LogProb)
	// A model of no rows has no groups.
	none := traintest.Must(decode.NewSearcher(newFake(0, 3, nil), decode.Beam{Width: 2, Most: 2}))
	found, err := none.Search()
	require.NoError(t, err)
	require.Empty(t, found)
}

// TestBeamEndsEarly when no text can become better, and an Eager one before that.
func TestBeamEndsEarly(t *testing.T) {
	steps := func(how decode.Beam) int {
		f := newFake(how.Width, 3, always(0, 0.1, 3)) // 2 is very likely
		how.Stop = []int32{2}
		_, err := decode.Search(f, []int32{0}, how)
		require.NoError(t, err)
		return f.steps
	}
	require.Equal(t, 1, steps(decode.Beam{Width: 3, Most: 100}), "nothing is as likely as the first end")
	require.Equal(t, 2, steps(decode.Beam{Width: 3, Most: 100, Best: 3}))
	require.Equal(t, 4, steps(decode.Beam{Width: 3, Most: 100, Penalty: decode.Mean}), "a mean can become better for longer")
	require.Equal(t, 34, steps(decode.Beam{Width: 3, Most: 1000, Penalty: decode.Mean}))
	require.Equal(t, 2, steps(decode.Beam{Width: 3, Most: 1000, Penalty: decode.Mean, Eager: true}))
}

func TestBeamErrors(t *testing.T) {
	f := newFake(4, 3, always(0, 20, 40))
	for want, how := range map[string]decode.Beam{
		"Width is 0":                                {Most: 1},
		"Most is 0":                                 {Width: 2},
		"Most is 1048577, want 1 to 1048576":        {Width: 2, Most: 1<<20 + 1},
		"Best is -1":                                {Width: 2, Most: 1, Best: -1},
		"Best is 3, want 0 to Width, 2":             {Width: 2, Most: 1, Best: 3},
		"Stop has the id 3, want 0 to 2":            {Width: 2, Most: 1, Stop: []int32{3}},
		"Forbid has the id -1, want 0 to 2":         {Width: 2, Most: 1, Forbid: []int32{-1}},
		"Forbid has all symbols":                    {Width: 2, Most: 1, Forbid: []int32{0, 1, 2}},
		"4 rows for a beam of width 3":              {Width: 3, Most: 1},
		"4 rows for a beam of width 8":              {Width: 8, Most: 1},
		"the Penalty of 2 symbols is 0":             {Width: 2, Most: 3, Penalty: func(n int) float64 { return float64(2 - n) }},
		"the Penalty of 1 symbols is NaN":           {Width: 2, Most: 3, Penalty: decode.GNMT(math.NaN())},
		"symbols is +Inf, want a finite number abo": {Width: 2, Most: 300, Penalty: decode.GNMT(1e4)},
	} {
		_, err := decode.NewSearcher(f, how)
		require.ErrorContains(t, err, want)
		_, err = decode.Search(f, []int32{0}, how)
		require.ErrorContains(t, err, want)
	}
	_, err := decode.NewSearcher(nil, decode.Beam{Width: 2, Most: 1})
	require.ErrorContains(t, err, "nil")

	s := traintest.Must(decode.NewSearcher(f, decode.Beam{Width: 2, Most: 3}))
	_, err = s.Search([]int32{0})
	require.ErrorContains(t, err, "1 prompts for 2 groups of 2 rows")
	_, err = s.Search([]int32{0}, nil)
	require.ErrorContains(t, err, "prompt 1 is empty")
	var id *data.IDError
	_, err = s.Search([]int32{0}, []int32{1, 3})
	require.ErrorAs(t, err, &id)
	require.Equal(t, data.IDError{What: "id", ID: 3, Step: 1, Row: 1, Limit: 3}, *id)
	require.Zero(t, f.steps, "prompts are checked first")

	// Logits of rows that count, after which the Searcher can be used again.
	good := f.logits
	f.logits = func(history []int32) []float32 {
		if len(history) == 2 && history[1] == 1 {
			return []float32{0, 0, float32(math.NaN())}
		}
		return good(history)
	}
	_, err = s.Search([]int32{0}, []int32{0})
	require.ErrorContains(t, err, "decode: prompt 0, text 1 after 1 symbols: the logit of class 2 is NaN")
	// What the failed search had was more likely than all that comes now.
	good = always(0, 0.1, 0.2)
	f.logits, f.history = good, make([][]int32, 4)
	f.fails = errors.New("broken")
	_, err = s.Search([]int32{0}, []int32{0})
	require.ErrorIs(t, err, f.fails)
	f.fails = nil
	found, err := s.Search([]int32{0}, []int32{0})
	require.NoError(t, err)
	for _, texts := range found {
		require.Equal(t, plainBeam(good, []int32{0}, decode.Beam{Width: 2, Most: 3}), texts)
	}
}
