package bptt

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/kernels"
)

// Tiers are the instruction sets of the ranks of a run, one entry for each rank. Results have
// the same bits whatever they are; an update takes as long as the slowest rank needs.
type Tiers []RankTiers

// A RankTiers is what one rank has told of its kernels when its Trainer was made.
type RankTiers struct {
	ISA       kernels.ISA   // the default tier
	Available []kernels.ISA // what the rank could use: the machine, up to SIMDRNN_ISA
}

// String is the tier and those it was chosen from: "avx2 of [scalar avx2]".
func (r RankTiers) String() string { return fmt.Sprintf("%s of %v", r.ISA, r.Available) }

func (r RankTiers) equal(s RankTiers) bool {
	return r.ISA == s.ISA && slices.Equal(r.Available, s.Available)
}

// Differ says whether two ranks have other default tiers, or could use other ones.
func (t Tiers) Differ() bool {
	return slices.ContainsFunc(t, func(r RankTiers) bool { return !r.equal(t[0]) })
}

// String names the ranks that have the same, those of rank 0 first:
// "ranks 0-2, 5: avx512 of [scalar avx2 avx512]; ranks 3-4: avx2 of [scalar avx2]".
func (t Tiers) String() string {
	var all []string
	for i, r := range t {
		if !slices.ContainsFunc(t[:i], r.equal) {
			all = append(all, fmt.Sprintf("%s: %s", t.ranksWith(r), r))
		}
	}
	return strings.Join(all, "; ")
}

// ranksWith are the numbers of the ranks that have the same as r.
func (t Tiers) ranksWith(r RankTiers) string {
	var spans []string
	count := 0
	for i := 0; i < len(t); i++ {
		if !t[i].equal(r) {
			continue
		}
		end := i
		for end+1 < len(t) && t[end+1].equal(r) {
			end++
		}
		span := fmt.Sprint(i)
		if end > i {
			span = fmt.Sprintf("%d-%d", i, end)
		}
		spans = append(spans, span)
		count += end - i + 1
		i = end
	}
	if count == 1 {
		return "rank " + spans[0]
	}
	return "ranks " + strings.Join(spans, ", ")
}

// Tiers returns what the ranks have told of their kernels in NewTrainer; of a run without
// other ranks, those of this process. The slices are the Trainer's and must not be changed.
func (t *Trainer) Tiers() Tiers { return t.ranks.tiers }

// tiersOf are those of a report.
func tiersOf(info kernels.Report) RankTiers { return RankTiers{info.ISA, info.Available} }

// hash is what the ranks compare.
func (r RankTiers) hash() []byte {
	h := sha256.Sum256(r.append(nil))
	return h[:]
}

// append appends the tiers, one byte each, the default one first.
func (r RankTiers) append(b []byte) []byte {
	b = append(b, byte(r.ISA))
	for _, isa := range r.Available {
		b = append(b, byte(isa))
	}
	return b
}

// compareTiers looks at the hashes of the tiers of all ranks. Where they differ the ranks
// tell each other what they have, and it is an error if same is set. mine are those of
// this rank.
func (r *ranks) compareTiers(mine RankTiers, hashes [][]byte, same bool) error {
	r.tiers = make(Tiers, len(hashes))
	for rank := range r.tiers {
		r.tiers[rank] = mine
	}
	if !slices.ContainsFunc(hashes, func(h []byte) bool { return string(h) != string(hashes[0]) }) {
		return nil
	}
	all, err := r.gather("the tiers of the ranks", mine.append(nil), nil)
	if err != nil {
		return err
	}
	for rank, b := range all {
		if len(b) == 0 {
			return &dist.RankError{Rank: rank, Err: errors.New("bptt: it told no tiers; all ranks need the same program")}
		}
		told := RankTiers{ISA: kernels.ISA(b[0])}
		for _, isa := range b[1:] {
			told.Available = append(told.Available, kernels.ISA(isa))
		}
		r.tiers[rank] = told
	}
	if !same {
		return nil
	}
	for rank, has := range r.tiers {
		if first := r.tiers[0]; !has.equal(first) {
			return &dist.RankError{Rank: rank, Err: fmt.Errorf("bptt: its tier is %s, that of rank 0 %s, and Plan.SameTiers asks for the same; start the ranks on machines of one kind, or all with %s=%s, or leave SameTiers out: the results have the same bits", has, first, kernels.EnvISA, r.tiers.common())}
		}
	}
	return nil
}

// common is the highest tier that all ranks could use.
func (t Tiers) common() kernels.ISA {
	best := kernels.Scalar
	for _, isa := range t[0].Available {
		if !slices.ContainsFunc(t, func(r RankTiers) bool { return !slices.Contains(r.Available, isa) }) {
			best = max(best, isa)
		}
	}
	return best
}
