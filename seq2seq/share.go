package seq2seq

import "github.com/simdrnn/simdrnn/internal/split"

// How the work of an AttentionNet is split among workers: by rows and, where there are fewer
// of these than workers, by parts of each row. Every output is one chain, whose place is in one
// part, so the split shows in no bit.

// workers allocates the scratch of as many workers as there are.
func (u *AttentionNet) workers() {
	n := max(1, min(u.batch*u.parts(split.MaxWorkers, max(u.steps, u.most, u.cfg.Width)), u.team.Parts(u.isa, 2*u.products(u.steps, u.most))))
	if len(u.scratch.all) < n*u.scratch.one {
		u.scratch.all = make([]float32, n*u.scratch.one)
	}
}

// products is about how many multiply-adds the scores and contexts of t queries take in
// a memory of s steps.
func (u *AttentionNet) products(t, s int) int {
	each := u.cfg.width() + u.cfg.Memory
	if u.cfg.Score == Additive {
		each += 16 * u.cfg.width()
	}
	return t * s * u.batch * each
}

// run calls f for shares of the work.
func (u *AttentionNet) run(f func(w, n int)) {
	u.team.Run(u.isa, u.products(u.t, u.mem.steps), f)
}

// leastPart is how many queries, steps of the memory or units of the Additive score a part of
// a row has at least: each part packs the other factor of its products anew, and kernels
// work on 16 units at a time.
const leastPart = 16

// parts is into how many parts a row is cut, so that n workers have something to do where
// there are fewer rows. things is what is cut: queries, steps of the memory, or units.
func (u *AttentionNet) parts(n, things int) int {
	return max(1, min((n+u.batch-1)/max(1, u.batch), things/leastPart))
}

// scratched is for how many of n workers there is scratch.
func (u *AttentionNet) scratched(n int) int {
	return min(n, max(1, len(u.scratch.all)/max(1, u.scratch.one)))
}

// share returns into how many parts each row is cut over so many things, which of the parts
// of all rows, row by row, are those of worker w of n, and its scratch. Where there is scratch
// for fewer workers, those have all of the parts.
func (u *AttentionNet) share(w, n, things int) (parts, lo, hi int, work []float32) {
	n = u.scratched(n)
	if w >= n {
		return 1, 0, 0, nil
	}
	parts = u.parts(n, things)
	lo, hi = split.Share(u.batch*parts, 1, w, n)
	return parts, lo, hi, u.scratch.all[w*u.scratch.one:][:u.scratch.one]
}
