package optim

import (
	"cmp"
	"fmt"
	"math"

	"github.com/simdrnn/simdrnn/kernels"
)

// along is the height of half a cosine from one height to another where that part of it,
// 0 to 1, is behind.
func along(from, to, done float64) float64 {
	half := float64(0.5 * (1 + kernels.Cos(float64(math.Pi*done))))
	return to + float64((from-to)*half)
}

// WarmupCosine rises in Warmup equal steps to 1 and then falls along half a
// cosine to Floor, where it stays from update Total on. Total must be set and be
// no less than Warmup; Floor is 0 to 1.
type WarmupCosine struct {
	Warmup, Total int64
	Floor         float64
}

// Check refuses fields that are no schedule.
func (s WarmupCosine) Check() error {
	switch {
	case s.Total < 1:
		return fmt.Errorf("optim: WarmupCosine with Total %d, want the updates of the run, at least 1", s.Total)
	case s.Warmup < 0 || s.Warmup > s.Total:
		return fmt.Errorf("optim: WarmupCosine with Warmup %d and Total %d, want 0 <= Warmup <= Total", s.Warmup, s.Total)
	case !(s.Floor >= 0 && s.Floor <= 1):
		return fmt.Errorf("optim: WarmupCosine with Floor %v, want 0 to 1", s.Floor)
	}
	return nil
}

// Rate implements Schedule.
func (s WarmupCosine) Rate(step int64) float64 {
	switch {
	case step < s.Warmup:
		return float64(step+1) / float64(s.Warmup)
	case step >= s.Total:
		return s.Floor
	}
	return along(1, s.Floor, float64(step-s.Warmup)/float64(s.Total-s.Warmup))
}

// OneCycle rises along half a cosine from 1/Start to 1, in the first Rise of the Total
// updates, and falls along another to 1/(Start*End) at the last one (Smith and Topin
// 2019), where it stays. LR is the rate at the top. Rise, Start and End are 0.3, 25 and
// 1e4 where they are 0, as in PyTorch, whose rates these are; Rise is below 1, Start and
// End are 1 or more, and Total leaves an update for each of both ways.
type OneCycle struct {
	Total      int64
	Rise       float64
	Start, End float64
}

// Check refuses fields that are no schedule.
func (s OneCycle) Check() error {
	rise, start, end := s.filled()
	switch {
	case !(rise > 0 && rise < 1):
		return fmt.Errorf("optim: OneCycle with Rise %v, want a share of Total, above 0 and below 1", s.Rise)
	case !(start >= 1) || math.IsInf(start, 1) || !(end >= 1) || math.IsInf(end, 1):
		return fmt.Errorf("optim: OneCycle with Start %v and End %v, want 1 or more and finite", s.Start, s.End)
	}
	if top := s.top(rise); !(top >= 1 && top <= float64(s.Total-2)) {
		return fmt.Errorf("optim: OneCycle with Total %d and Rise %v, of which one way has less than an update; want the updates of the run, at least 2/Rise and 1/(1-Rise)", s.Total, rise)
	}
	return nil
}

func (s OneCycle) filled() (rise, start, end float64) {
	return cmp.Or(s.Rise, 0.3), cmp.Or(s.Start, 25), cmp.Or(s.End, 1e4)
}

// top is the update at the top, counted from 0; it need not be whole.
func (s OneCycle) top(rise float64) float64 { return float64(rise*float64(s.Total)) - 1 }

// Rate implements Schedule.
func (s OneCycle) Rate(step int64) float64 {
	rise, start, end := s.filled()
	top, last := s.top(rise), float64(s.Total-1)
	least := 1 / float64(start*end)
	switch at := float64(step); {
	case at <= top:
		return along(1/start, 1, at/top)
	case at < last:
		return along(1, least, (at-top)/(last-top))
	}
	return least
}
