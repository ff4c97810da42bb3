package traintest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

type Never struct{}

func (Never) Next(*data.Batch) error { return io.EOF }
func (Never) Rewind() error          { return nil }

// Script is Data of one row whose inputs count 1, 2, 3, ...: batches of at most
// the steps wanted, a reset wherever reset says, the end at n.
type Script struct {
	N, Pos int
	Reset  map[int]bool
	Float  bool
	X      []float32
	Flag   []bool
}

func (s *Script) Next(b *data.Batch) error {
	if s.Pos == s.N {
		s.Pos = 0
		return io.EOF
	}
	s.Flag = []bool{s.Reset[s.Pos]}
	s.X = s.X[:0]
	for len(s.X) < b.Want && s.Pos < s.N && (len(s.X) == 0 || !s.Reset[s.Pos]) {
		s.Pos++
		s.X = append(s.X, float32(s.Pos))
	}
	*b = data.Batch{Want: b.Want, Steps: len(s.X), Rows: 1, X: s.X, Y: make([]float32, len(s.X)), Reset: s.Flag}
	return nil
}

func (s *Script) Rewind() error {
	s.Pos = 0
	return nil
}

func (s *Script) MarshalBinary() ([]byte, error) {
	return binary.LittleEndian.AppendUint64(nil, uint64(s.Pos)), nil
}

func (s *Script) UnmarshalBinary(b []byte) error {
	if len(b) != 8 {
		return errors.New("position")
	}
	s.Pos = int(binary.LittleEndian.Uint64(b))
	return nil
}

// Frozen is an optimizer that changes nothing.
type Frozen struct{}

func (Frozen) Init([]nn.Param) error        { return nil }
func (Frozen) Update(float64) error         { return nil }
func (Frozen) LearningRate() float64        { return 1 }
func (Frozen) State() optim.State           { return optim.State{Kind: "frozen"} }
func (Frozen) SetState(s optim.State) error { return nil }

// Next returns a batch as a line of text.
func Next(t *testing.T, d data.Source, want int) string {
	t.Helper()
	b := data.Batch{Want: want}
	if err := d.Next(&b); err == io.EOF {
		return "end"
	} else {
		NoError(t, err)
	}
	s := fmt.Sprintf("%dx%d %v", b.Steps, b.Rows, b.IDs)
	if b.X != nil {
		s += fmt.Sprintf(" x%v", b.X)
	}
	s += fmt.Sprintf(" > %v", b.Targets)
	if b.Y != nil {
		s += fmt.Sprintf(" y%v", b.Y)
	}
	if b.Lengths != nil {
		s += fmt.Sprintf(" len%v", b.Lengths)
	}
	for r, reset := range b.Reset {
		if reset {
			s += fmt.Sprintf(" r%d", r)
		}
	}
	return s
}
