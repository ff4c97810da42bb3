package optim

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/simdrnn/simdrnn/nn"
)

// A Group is some of the parameters of a net and what moves them.
type Group struct {
	// Params are patterns of names in the syntax of path.Match, such as "0.weight",
	// "*.bias_*" or "1.weight_?h_l[01]". No pattern at all stands for the parameters that
	// no other group has.
	Params []string

	// Optimizer is one of this package, but Groups, with the rate and the decay of the
	// group. Each group has a value of its own.
	Optimizer Optimizer

	// Frozen leaves the parameters as they are. They have no state, and the group needs no
	// Optimizer: Optimizer, From and Rate may be set, for a run in which it is not frozen, and
	// are not read. See Freezer for their gradients.
	Frozen bool

	// From is the number of updates after which the group begins to move. Until then its
	// parameters are as they are, as if Frozen, and so is the state of its optimizer, whose
	// first step follows after From updates. Rate multiplies the learning rate of the optimizer; 0 is
	// 1. Both may be changed between updates.
	From int64
	Rate float64
}

// Groups is an optimizer whose parameters are moved by others, group by group: with
// another rate or decay, later than the rest, or not at all. Each parameter must be in one
// group, and each pattern must match one. A schedule multiplies the rates of all groups.
//
// A checkpoint has the names of each group and the kind of its optimizer, and is refused
// where these differ. It has the count of updates, by which From goes, and all that may be
// changed between updates: From and Rate, and LR of each optimizer (see RateKeeper).
type Groups struct {
	List []Group

	kind    string
	members []member // of the groups; nil: frozen
	of      map[string]int
	numbers []float64 // updates, and after it the numbers of the members
	tensors [][]float32
}

// A member is an optimizer of this package.
type member interface {
	Optimizer
	check(params []nn.Param) error // of Init
	ready(rate float64) error      // of Update
	changeable() changeable        // of Rates and SetRates
	settled() error                // of SetState, beside those about the state
	adopt(numbers []float64)
	SetWorkers(n int)
}

// Init implements Optimizer.
func (o *Groups) Init(params []nn.Param) error {
	members, err := o.checkList()
	if err != nil {
		return err
	}
	if err := nn.CheckParams(params); err != nil {
		return err
	}
	parts, of, err := o.sort(params)
	if err != nil {
		return err
	}
	// None of the members begins anew before all of them can.
	for _, begin := range []bool{false, true} {
		for i, m := range members {
			if m == nil {
				continue
			}
			step := m.check
			if begin {
				step = m.Init
			}
			if err := step(parts[i]); err != nil {
				return fmt.Errorf("optim: %s: %w", o.name(i), err)
			}
		}
	}
	o.members, o.of = members, of
	var kind []string
	o.numbers, o.tensors = []float64{0}, nil
	for i, m := range members {
		what := "frozen"
		if m != nil {
			s := m.State()
			what = s.Kind
			o.numbers = append(o.numbers, s.Numbers...)
			o.tensors = append(o.tensors, s.Tensors...)
		}
		for _, p := range parts[i] {
			what += " " + strconv.Quote(p.Name)
		}
		kind = append(kind, what)
	}
	o.kind = groupsKind + strings.Join(kind, "\n")
	at := 1
	for _, m := range members {
		if m != nil {
			n := len(m.State().Numbers)
			m.adopt(o.numbers[at : at+n : at+n])
			at += n
		}
	}
	return nil
}

// checkList returns the optimizers of the groups, nil for those that are frozen.
func (o *Groups) checkList() ([]member, error) {
	if len(o.List) == 0 {
		return nil, errors.New("optim: Groups without a group")
	}
	members := make([]member, len(o.List))
	moving := false
	for i := range o.List {
		g := &o.List[i]
		if g.From < 0 {
			return nil, fmt.Errorf("optim: %s has From %d, want 0 updates or more", o.name(i), g.From)
		}
		if g.Frozen {
			continue
		}
		m, ok := g.Optimizer.(member)
		if !ok {
			return nil, fmt.Errorf("optim: %s has the optimizer %T, want a pointer to one of SGD, Adam, AdamW, RMSProp, Adagrad, ASGD, or Frozen", o.name(i), g.Optimizer)
		}
		if k := slices.Index(members, m); k >= 0 {
			return nil, fmt.Errorf("optim: %s and %s have the same optimizer, want a value for each", o.name(k), o.name(i))
		}
		members[i], moving = m, true
	}
	if !moving {
		return nil, errors.New("optim: all groups are frozen, there is nothing to train")
	}
	return members, nil
}

// name is how errors call group i.
func (o *Groups) name(i int) string {
	if len(o.List[i].Params) == 0 {
		return fmt.Sprintf("group %d (the rest)", i)
	}
	return fmt.Sprintf("group %d (%s)", i, strings.Join(o.List[i].Params, " "))
}

// sort returns the parameters of each group in their order, and the group of each name.
func (o *Groups) sort(params []nn.Param) (parts [][]nn.Param, of map[string]int, err error) {
	parts, of = make([][]nn.Param, len(o.List)), map[string]int{}
	rest := -1
	for i, g := range o.List {
		if len(g.Params) == 0 {
			if rest >= 0 {
				return nil, nil, fmt.Errorf("optim: %s and %s are both without a pattern; one group can have the rest", o.name(rest), o.name(i))
			}
			rest = i
		}
		for _, pattern := range g.Params {
			found := false
			for _, p := range params {
				match, err := path.Match(pattern, p.Name)
				if err != nil {
					return nil, nil, fmt.Errorf("optim: %s has the pattern %q: %w", o.name(i), pattern, err)
				}
				if !match {
					continue
				}
				found = true
				if other, ok := of[p.Name]; ok && other != i {
					return nil, nil, fmt.Errorf("optim: parameter %s is in %s and in %s, want one", p.Name, o.name(other), o.name(i))
				}
				of[p.Name] = i
			}
			if !found {
				return nil, nil, fmt.Errorf("optim: %s has the pattern %q, which matches none of the parameters %s", o.name(i), pattern, names(params))
			}
		}
	}
	for _, p := range params {
		i, ok := of[p.Name]
		if !ok {
			if rest < 0 {
				return nil, nil, fmt.Errorf("optim: parameter %s is in no group; a group without patterns has the rest", p.Name)
			}
			i, of[p.Name] = rest, rest
		}
		parts[i] = append(parts[i], p)
	}
	if rest >= 0 && len(parts[rest]) == 0 {
		return nil, nil, fmt.Errorf("optim: %s has no parameter, all are in other groups", o.name(rest))
	}
	return parts, of, nil
}

func names(params []nn.Param) string {
	var list []string
	for _, p := range params {
		list = append(list, p.Name)
	}
	return strings.Join(list, " ")
}

// rate is what multiplies the learning rate of group i at a schedule's rate.
func (o *Groups) rate(i int, rate float64) float64 {
	if r := o.List[i].Rate; r != 0 {
		return float64(rate * r)
	}
	return rate
}

// moves says whether group i takes part in the next update.
func (o *Groups) moves(i int) bool {
	return o.members[i] != nil && o.numbers[0] >= float64(o.List[i].From)
}

// Update implements Optimizer.
func (o *Groups) Update(rate float64) error {
	if len(o.List) != len(o.members) {
		return fmt.Errorf("optim: Groups has a list of %d groups, Init has seen %d", len(o.List), len(o.members))
	}
	for i, m := range o.members {
		if o.List[i].Frozen != (m == nil) {
			return fmt.Errorf("optim: Frozen of %s is %v and was %v in Init; a group that moves later has From", o.name(i), o.List[i].Frozen, m == nil)
		}
		if !o.moves(i) {
			continue
		}
		if err := m.ready(o.rate(i, rate)); err != nil {
			return o.refused(i, err)
		}
	}
	for i, m := range o.members {
		if !o.moves(i) {
			continue
		}
		if err := m.Update(o.rate(i, rate)); err != nil {
			return err // not after ready
		}
	}
	o.numbers[0]++
	return nil
}

// refused is an error of group i, with the step of all groups.
func (o *Groups) refused(i int, err error) error {
	var bad *RateError
	if errors.As(err, &bad) {
		bad.Step = int64(o.numbers[0]) + 1
	}
	return fmt.Errorf("optim: %s: %w", o.name(i), err)
}

// LearningRate implements Optimizer: it is the largest of the groups that are not frozen,
// with their Rate.
func (o *Groups) LearningRate() float64 {
	largest := 0.0
	for i := range o.List {
		if g := o.List[i]; !g.Frozen && g.Optimizer != nil {
			largest = max(largest, o.rate(i, g.Optimizer.LearningRate()))
		}
	}
	return largest
}

// Frozen implements Freezer, after Init: the group of the parameter is frozen, or begins
// later.
func (o *Groups) Frozen(name string) bool {
	i, ok := o.of[name]
	return ok && i < len(o.List) && !o.moves(i)
}

// SetWorkers sets on how many workers Update may be split at most; 0: no such limit. It has as
// many as it is worth, at most GOMAXPROCS and 256. It panics if n is negative.
func (o *Groups) SetWorkers(n int) {
	for _, g := range o.List {
		if m, ok := g.Optimizer.(member); ok {
			m.SetWorkers(n)
		}
	}
}

// State implements Optimizer. Its Kind has the kinds and the names of the groups, its
// numbers and tensors are the count of updates and those of the groups in their order.
func (o *Groups) State() State {
	return State{Kind: o.kind, Numbers: o.numbers, Tensors: o.tensors}
}

// SetState implements Optimizer.
func (o *Groups) SetState(s State) error {
	have := o.State()
	if err := have.accepts(s); err != nil {
		return err
	}
	number, tensor := 1, 0
	for i, m := range o.members {
		if m == nil {
			continue
		}
		if err := m.settled(); err != nil {
			return fmt.Errorf("optim: %s: %w", o.name(i), err)
		}
		part := m.State()
		n, t := len(part.Numbers), len(part.Tensors)
		from := State{Kind: part.Kind, Numbers: s.Numbers[number : number+n], Tensors: s.Tensors[tensor : tensor+t]}
		if err := part.accepts(from); err != nil {
			return fmt.Errorf("optim: %s: %w", o.name(i), err)
		}
		if from.Numbers[0] > s.Numbers[0] {
			return fmt.Errorf("optim: %s: %v steps after %v updates of all groups", o.name(i), from.Numbers[0], s.Numbers[0])
		}
		number, tensor = number+n, tensor+t
	}
	have.Put(s)
	return nil
}

// otherGroups is the error about the state of another grouping: it names a parameter that
// has another place.
func otherGroups(state, optimizer string) error {
	places := func(kind string) (place map[string]string, order []string) {
		place = map[string]string{}
		for i, line := range strings.Split(kind, "\n")[1:] {
			what, list, _ := strings.Cut(line, " ")
			for list != "" {
				name, err := strconv.QuotedPrefix(list)
				if err != nil {
					break // no state of Groups
				}
				place[name] = fmt.Sprintf("group %d (%s)", i, what)
				order = append(order, name)
				list = strings.TrimPrefix(list[len(name):], " ")
			}
		}
		return place, order
	}
	from, before := places(state)
	to, now := places(optimizer)
	in := func(place map[string]string, name string) string {
		if p, ok := place[name]; ok {
			return p
		}
		return "no group"
	}
	for _, name := range slices.Concat(now, before) {
		if from[name] != to[name] {
			return fmt.Errorf("optim: the optimizer state has parameter %s in %s, the optimizer in %s; want the groups that it was saved with", name, in(from, name), in(to, name))
		}
	}
	return fmt.Errorf("optim: the optimizer state has groups %q, the optimizer %q; want those that it was saved with", state, optimizer)
}
