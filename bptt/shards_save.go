package bptt

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"github.com/simdrnn/simdrnn/dist"

	"github.com/simdrnn/simdrnn/internal/wire"
)

// A checkpoint of a run with shards has in place of the carried state, the masks and the
// window of a net those of each shard, each as a file of this kind in a section of its own.
const shardKind = "bptt.shard"

func shardName(i int) string { return "shard/" + strconv.Itoa(i) }

// saver returns what writes a checkpoint. With shards, all ranks have to call it.
func (t *Trainer) saver() (func(w io.Writer) error, error) {
	if t.parts == nil {
		return func(w io.Writer) error { return t.save(w, nil) }, nil
	}
	all, err := t.parts.files()
	if err != nil {
		return nil, err
	}
	return func(w io.Writer) error { return t.save(w, all) }, nil
}

// files returns what the checkpoint has of each shard of all ranks.
func (p *shards) files() (all [][]byte, err error) {
	p.store()
	var b []byte
	for _, s := range p.own {
		var one bytes.Buffer
		if err = s.save(&one); err != nil {
			break
		}
		b = binary.LittleEndian.AppendUint64(b, uint64(one.Len()))
		b = append(b, one.Bytes()...)
	}
	told, err := p.t.ranks.gather(fmt.Sprintf("a checkpoint after update %d", p.t.step), b, err)
	if err != nil {
		return nil, err
	}
	for rank, b := range told {
		first, end := dist.Part(p.number, len(told), rank)
		for range end - first {
			if len(b) < 8 || uint64(len(b)-8) < binary.LittleEndian.Uint64(b) {
				p.t.ranks.told = &dist.RankError{Rank: rank, Err: errors.New("bptt: what it told of its shards ends too early; all ranks need the same program")}
				return nil, p.t.ranks.told
			}
			n := binary.LittleEndian.Uint64(b)
			all = append(all, b[8:8+n])
			b = b[8+n:]
		}
	}
	return all, nil
}

func (s *shard) save(w io.Writer) error {
	f := wire.NewWriter(w, shardKind, checkpointVersion)
	tensors(f, "state/", s.state)
	if s.marks.masks != nil {
		f.Int64("masks", signed(s.marks.masks))
		f.Int64("masks/clock", signed(s.marks.clock))
	}
	s.win.save(f)
	return f.Close()
}

// saveCarried writes the carried state, or those of all shards.
func (t *Trainer) saveCarried(f *wire.Writer, all [][]byte) {
	if t.parts != nil {
		f.Int64("shards", []int64{int64(t.parts.number), int64(t.parts.rows)})
		for i, b := range all {
			f.Bytes(shardName(i), b)
		}
		return
	}
	tensors(f, "state/", t.net.State())
	if t.masked != nil {
		f.Int64("masks", signed(t.masked.MaskState()))
		f.Int64("masks/clock", signed(t.masked.Clock()))
	}
	t.win.save(f)
}

// A resumption is what a checkpoint has of the carried state of a net or a shard.
type resumption struct {
	state [][]float32
	marks marks
	win   func() // sets the window
}

func (t *Trainer) loadOne(c *Checkpoint, w *window, like [][]float32) (r resumption, err error) {
	if r.state, err = c.like("state/", like); err != nil {
		return r, err
	}
	if r.marks.masks, r.marks.clock, err = t.loadMasks(c); err != nil {
		return r, err
	}
	r.win, err = w.load(c, t)
	return r, err
}

// loadCarried reads what saveCarried wrote: of the net, or of each shard of this rank.
func (t *Trainer) loadCarried(c *Checkpoint) (all []resumption, err error) {
	if err := t.checkShards(c); err != nil {
		return nil, err
	}
	if t.parts == nil {
		r, err := t.loadOne(c, &t.win, t.net.State())
		return []resumption{r}, err
	}
	t.parts.store()
	first, _ := t.parts.sum.Shards()
	for i, s := range t.parts.own {
		b, err := c.file.Bytes(shardName(first + i))
		if err != nil {
			return nil, err
		}
		f, err := wire.Read(bytes.NewReader(b), shardKind, checkpointVersion)
		if err != nil {
			return nil, fmt.Errorf("bptt: shard %d of the checkpoint: %w", first+i, err)
		}
		r, err := t.loadOne(&Checkpoint{file: f}, &s.win, s.state)
		if err != nil {
			return nil, fmt.Errorf("bptt: shard %d of the checkpoint: %w", first+i, err)
		}
		all = append(all, r)
	}
	return all, nil
}

// checkShards returns an error if the checkpoint is of a run with other shards.
func (t *Trainer) checkShards(c *Checkpoint) error {
	number, rows := 0, 0
	if c.file.Has("shards") {
		n, err := c.file.Int64("shards", 2)
		if err != nil {
			return err
		}
		number, rows = int(n[0]), int(n[1])
	}
	if number != t.plan.Shards {
		return fmt.Errorf("bptt: the checkpoint is of a run with Plan.Shards %d, this plan has %d; resume with as many, on any number of ranks", number, t.plan.Shards)
	}
	if t.parts != nil && rows != t.parts.rows {
		return fmt.Errorf("bptt: the checkpoint is of batches of %d rows, this data has %d; resume with as many", rows, t.parts.rows)
	}
	return nil
}

// resume gives the shards of this rank what loadCarried read, if the net takes it. It
// returns what takes that back.
func (p *shards) resume(all []resumption) (back func() error, err error) {
	p.store()
	before := make([]resumption, len(p.own))
	for i, s := range p.own {
		before[i] = resumption{state: s.state, marks: s.marks}
	}
	set := func(all []resumption) error {
		p.loaded = nil
		for i, s := range p.own {
			if err := p.t.net.SetState(all[i].state); err != nil {
				return err
			}
			if err := p.t.set(all[i].marks, s.ids); err != nil {
				return err
			}
			s.state, s.marks = p.t.net.State(), p.t.marks() // of memory of their own
		}
		return p.load(p.own[0])
	}
	back = func() error { return set(before) }
	if err := set(all); err != nil {
		return nil, withError(err, back())
	}
	return back, nil
}

// windows sets the windows to what loadCarried read.
func (p *shards) windows(all []resumption) {
	for _, r := range all {
		r.win()
	}
	p.t.win = p.loaded.win
}

// ReadCheckpointOn is ReadCheckpointFile for the ranks of a group, all of which call it: rank
// 0 reads the file and hands its bytes to the others, which need not see it. If it cannot,
// or if one of them cannot take the bytes as a checkpoint, all get the error. If there is no
// such file it is fs.ErrNotExist (errors.Is) on all of them.
func ReadCheckpointOn(g dist.Group, name string) (*Checkpoint, error) {
	if g.Size() == 1 {
		return ReadCheckpointFile(name)
	}
	var b []byte
	var err error
	missing := byte(0)
	if g.Rank() == 0 {
		if b, err = os.ReadFile(name); errors.Is(err, fs.ErrNotExist) {
			missing, err = 1, nil
		}
	}
	all, err := dist.Ask(g, "reading a checkpoint", []byte{missing}, err)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(all[0], []byte{1}) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	if b, err = g.Broadcast(b, 0); err != nil {
		return nil, err
	}
	c, err := ReadCheckpoint(bytes.NewReader(b))
	if err := dist.Agree(g, "taking a checkpoint", err); err != nil {
		return nil, err
	}
	return c, nil
}

// resume tells the other ranks whether this one can resume from c, before any of them does, and
// returns an error if one cannot, or has another checkpoint.
func (r *ranks) resume(c *Checkpoint, err error) error {
	if !r.several() {
		return err
	}
	about, print := "", [sha256.Size]byte{}
	if err == nil {
		about = fmt.Sprintf("resuming from update %d", c.Step)
		print, err = c.file.Sum()
	}
	all, err := r.gather(about, print[:], err)
	if err != nil {
		return err
	}
	for rank, b := range all {
		if !bytes.Equal(b, all[0]) {
			r.told = &dist.RankError{Rank: rank, Err: errors.New("bptt: it resumes from another checkpoint than rank 0; give all ranks the same one")}
			return r.told
		}
	}
	return nil
}
