package bptt

import (
	"context"
	"fmt"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
)

// shares says whether the ranks share the data of validations.
func (p *shards) shares(v *Validate) bool {
	if p == nil || v.Net != nil {
		return false
	}
	d, ok := v.Data.(interface{ Rows() int })
	return ok && d.Rows() == p.rows && p.rows != p.t.batch
}

// evaluate is Evaluate of data that the ranks share.
func (p *shards) evaluate(ctx context.Context, v *Validate) (mean float64, n int, err error) {
	own, err := p.totals(ctx, v)
	var b []byte
	for _, of := range own {
		b = counted{Total: of}.append(b)
	}
	all, err := p.t.ranks.gather(fmt.Sprintf("a validation after update %d", p.t.step), b, err)
	if err != nil {
		return 0, 0, err
	}
	if err := p.t.ranks.expect(all, func(rank int) int { return p.bytesOf(rank, len(all)) }); err != nil {
		return 0, 0, err
	}
	var total counted
	for _, b := range all {
		for ; len(b) > 0; b = b[countedBytes:] {
			total = total.plus(b)
		}
	}
	if total.Terms == 0 {
		return 0, 0, errNothing
	}
	return total.Mean(), total.Terms, nil
}

// totals are those of the shards of this rank, one after another over all of the data.
func (p *shards) totals(ctx context.Context, v *Validate) (all []loss.Total, err error) {
	giveBack, err := borrow(v.Data)
	if err != nil {
		return nil, err
	}
	defer func() { err = withError(err, giveBack()) }()
	for _, s := range p.own {
		of, err := evaluate(ctx, p.t.net, &part{source: v.Data, shard: s, batch: p.t.batch}, v.Loss, p.t.plan.ReadoutRows, nil)
		if err != nil {
			return nil, err
		}
		all = append(all, of)
	}
	return all, nil
}

// A part is the rows of a shard, as a Source.
type part struct {
	source data.Source
	shard  *shard
	batch  int
	cut    data.Batch
}

func (p *part) Next(b *data.Batch) error {
	if err := p.source.Next(b); err != nil {
		return err
	}
	if err := b.CutRows(&p.cut, p.shard.lo, p.shard.hi, p.batch); err != nil {
		return err
	}
	*b = p.cut
	return nil
}

func (p *part) Rewind() error { return p.source.Rewind() }
