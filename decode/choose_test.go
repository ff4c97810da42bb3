package decode_test

import (
	"math"
	"math/rand/v2"
	"sort"
	"testing"

	"github.com/simdrnn/simdrnn/decode"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"

	"github.com/stretchr/testify/require"
)

// distribution is what a symbol should be drawn from, written down as the definitions say,
// in float64. clear is false if rounding may decide which symbols are kept.
func distribution(how decode.Sampling, logits []float32, seen []bool) (p []float64, clear bool) {
	x := make([]float64, len(logits))
	for i, v := range logits {
		x[i] = float64(v)
	}
	for _, id := range how.Forbid {
		x[id] = math.Inf(-1)
	}
	for i := range x {
		if how.Repetition > 0 && seen != nil && seen[i] {
			if x[i] > 0 {
				x[i] /= how.Repetition
			} else {
				x[i] *= how.Repetition
			}
		}
	}
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return x[order[a]] > x[order[b]] })
	softmax := func() {
		p = make([]float64, len(x))
		sum := 0.0
		for i, v := range x {
			p[i] = math.Exp((v - x[order[0]]) / how.Temperature)
			sum += p[i]
		}
		for i := range p {
			p[i] /= sum
		}
	}
	if how.TopK > 0 {
		for _, i := range order[min(how.TopK, len(order)):] {
			x[i] = math.Inf(-1)
		}
	}
	clear = true
	if how.TopP > 0 && how.TopP < 1 {
		softmax()
		sum := 0.0
		for _, i := range order {
			if sum >= how.TopP {
				x[i] = math.Inf(-1)
			}
			sum += p[i]
			clear = clear && math.Abs(sum-how.TopP) > 1e-5
		}
	}
	softmax()
	return p, clear
}

// TestDistributions against the definitions: temperature, top-k, top-p and what is
// forbidden, with many equal logits, on every tier.
func TestDistributions(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		r := traintest.Rng(5)
		cases := 4000
		if testing.Short() {
			cases = 300
		}
		compared := 0
		for range cases {
			n := 1 + r.IntN(12)
			if r.IntN(20) == 0 {
				n += 200
			}
			logits := make([]float32, n)
			for i := range logits {
				logits[i] = float32(r.IntN(25))/4 - 3
				if r.IntN(6) == 0 && i > 0 {
					logits[i] = inf(-1)
				}
			}
			how := decode.Sampling{Temperature: []float64{0.1, 0.5, 1, 1, 3}[r.IntN(5)]}
			if r.IntN(2) == 0 {
				how.TopK = 1 + r.IntN(n+1)
			}
			if r.IntN(2) == 0 {
				how.TopP = float64(1+r.IntN(99)) / 100
			}
			for id := 1; id < n; id++ {
				if r.IntN(10) == 0 {
					how.Forbid = append(how.Forbid, int32(id))
				}
			}
			want, clear := distribution(how, logits, nil)
			if !clear {
				continue
			}
			compared++
			got, id, err := decode.Distribution(how, logits, r)
			require.NoError(t, err)
			for i := range want {
				require.Equal(t, want[i] < 1e-30, got[i] == 0, "%d of %v, %+v: %v, want %v", i, logits, how, got, want)
				require.InDelta(t, want[i], got[i], 1e-5, "%d of %v, %+v", i, logits, how)
			}
			require.Positive(t, got[id])
		}
		require.Greater(t, compared, cases/2)
	})
}

// TestNucleus: the smallest set, with the symbol that crosses TopP, and one at least; of
// equal symbols the first.
func TestNucleus(t *testing.T) {
	kept := func(how decode.Sampling, logits ...float32) (ids []int) {
		t.Helper()
		how.Temperature = 1
		p, _, err := decode.Distribution(how, logits, traintest.Rng(1))
		require.NoError(t, err)
		for i, v := range p {
			if v > 0 {
				ids = append(ids, i)
			}
		}
		return ids
	}
	ln := func(p float64) float32 { return float32(math.Log(p)) }
	four := []float32{ln(0.1), ln(0.5), ln(0.15), ln(0.25)}
	require.Equal(t, []int{1}, kept(decode.Sampling{TopP: 1e-300}, four...))
	require.Equal(t, []int{1}, kept(decode.Sampling{TopP: 0.49}, four...))
	require.Equal(t, []int{1, 3}, kept(decode.Sampling{TopP: 0.51}, four...))
	require.Equal(t, []int{1, 2, 3}, kept(decode.Sampling{TopP: 0.76}, four...))
	require.Equal(t, []int{0, 1, 2, 3}, kept(decode.Sampling{TopP: 0.999}, four...))
	require.Equal(t, []int{1, 3}, kept(decode.Sampling{TopK: 2, TopP: 0.67}, four...), "of the two, 2/3 and 1/3")
	require.Equal(t, []int{1}, kept(decode.Sampling{TopK: 2, TopP: 0.66}, four...))
	require.Equal(t, []int{0, 1, 2, 3}, kept(decode.Sampling{TopK: 100}, four...))
	require.Equal(t, []int{0, 1, 2}, kept(decode.Sampling{TopK: 3}, 1, 1, 1, 1, 1))
	require.Equal(t, []int{0, 1}, kept(decode.Sampling{TopP: 0.5}, 1, 1, 1, 1))
	require.Equal(t, []int{0, 3}, kept(decode.Sampling{TopP: 0.5, Forbid: []int32{1, 2}}, 2, 9, 9, 2, 1))
	require.Equal(t, []int{0}, kept(decode.Sampling{TopK: 1, TopP: 0.5}, 7), "a vocabulary of 1")
	require.Equal(t, []int{2}, kept(decode.Sampling{TopK: 3, TopP: 0.9}, inf(-1), inf(-1), -math.MaxFloat32, inf(-1)))
	require.Equal(t, []int{0}, kept(decode.Sampling{TopP: 0.9999999999}, math.MaxFloat32, -math.MaxFloat32))
}

// TestGreedy takes the first of equals, wherever they stand.
func TestGreedy(t *testing.T) {
	for want, logits := range [][]float32{{2, 2, 2}, {1, 2, 2}, {1, -1, 3, 2}, {inf(-1), 0, 0, 1, 1, 1, inf(-1)}} {
		dst := make([]int32, 3)
		_, err := decode.Sample(newFake(1, len(logits), always(logits...)), dst, []int32{0}, decode.Sampling{}, nil)
		require.NoError(t, err)
		require.Equal(t, []int32{int32(want), int32(want), int32(want)}, dst)
	}
}

// TestRepetition: the penalty of CTRL for what the row has had, its prompt included.
func TestRepetition(t *testing.T) {
	var got [][]float32
	f := newFake(2, 4, always(3, -1, 0, inf(-1)))
	s := traintest.Must(decode.NewSampler(f, decode.Sampling{Repetition: 2, Adjust: func(row int, x []float32) {
		if row == 0 {
			got = append(got, append([]float32{}, x...))
		}
	}}))
	ids := make([]int32, 2)
	require.NoError(t, s.Start(0, []int32{1, 3}))
	require.NoError(t, s.Start(1, []int32{0}))
	for range 4 {
		require.NoError(t, s.Step(ids))
	}
	require.Equal(t, [][]float32{{3, -2, 0, inf(-1)}, {1.5, -2, 0, inf(-1)}}, got)
	got = nil
	require.NoError(t, s.Start(0, []int32{2}))
	for range 2 {
		require.NoError(t, s.Step(ids))
	}
	require.Equal(t, [][]float32{{3, -1, 0, inf(-1)}}, got, "a prompt begins anew")

	// A finite logit stays finite.
	f = newFake(1, 2, always(-math.MaxFloat32, inf(-1)))
	dst := make([]int32, 3)
	_, err := decode.Sample(f, dst, []int32{0}, decode.Sampling{Repetition: 8}, nil)
	require.NoError(t, err)
	require.Equal(t, []int32{0, 0, 0}, dst)
}

// TestAdjust: a bias, and what it forbids.
func TestAdjust(t *testing.T) {
	f := newFake(1, 3, always(0, 1, 2))
	count := 0
	how := decode.Sampling{Forbid: []int32{2}, Adjust: func(row int, x []float32) {
		require.Equal(t, inf(-1), x[2])
		if count++; count > 2 {
			x[0] += 5
		}
	}}
	dst := make([]int32, 4)
	_, err := decode.Sample(f, dst, []int32{0}, how, nil)
	require.NoError(t, err)
	require.Equal(t, []int32{1, 1, 0, 0}, dst)
	how.Adjust = func(_ int, x []float32) { x[0], x[1] = inf(-1), inf(-1) }
	_, err = decode.Sample(f, dst, []int32{0}, how, nil)
	require.ErrorContains(t, err, "row 0 before symbol 0: after Forbid and Adjust all 3 logits are -Inf")
}

// TestSettingsAreCopied: lists that the caller changes later.
func TestSettingsAreCopied(t *testing.T) {
	forbid, stop := []int32{2}, []int32{1}
	s := traintest.Must(decode.NewSampler(newFake(1, 3, always(0, 1, 2)), decode.Sampling{Forbid: forbid, Stop: stop}))
	forbid[0], stop[0] = 1, 0
	dst := make([]int32, 4)
	n, err := s.Sample(dst, []int32{0})
	require.NoError(t, err)
	require.Equal(t, []int32{1}, dst[:n])
}

// TestTextsOfSettings: texts of a small model, the same on every tier and machine.
func TestTextsOfSettings(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		for _, c := range []struct {
			how  decode.Sampling
			want []int32
		}{
			{decode.Sampling{Temperature: 1, TopK: 4}, []int32{1, 3, 0, 7, 11, 6, 0, 0, 7, 7, 11, 6, 6, 6, 11, 3, 11, 3, 6, 7}},
			{decode.Sampling{Temperature: 0.8, TopP: 0.6}, []int32{3, 7, 1, 6, 8, 6, 1, 0, 7, 7, 11, 4, 3, 6, 11, 6, 8, 3, 3, 7}},
			{decode.Sampling{Temperature: 1.5, TopK: 9, TopP: 0.7, Repetition: 1.3, Forbid: []int32{11}}, []int32{3, 6, 1, 5, 7, 6, 1, 0, 6, 6, 8, 3, 3, 5, 8, 5, 7, 3, 3, 6}},
		} {
			dst := make([]int32, len(c.want))
			_, err := decode.Sample(predictor(t, 1), dst, []int32{1, 2}, c.how, rand.New(rand.NewPCG(9, 0)))
			require.NoError(t, err)
			require.Equal(t, c.want, dst, "%+v", c.how)
		}
	})
}
