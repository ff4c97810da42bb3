package bptt

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/nn"

	"github.com/simdrnn/simdrnn/kernels"
)

// compare tells the other ranks how NewTrainer has ended on this one: with t, or with err. It
// returns the error of any of them, or one that names a rank, and the line of its description
// that differs from that of rank 0. Tiers may differ: see compareTiers.
func (r *ranks) compare(t *Trainer, err error) error {
	info := kernels.Info()
	mine := tiersOf(info)
	if !r.several() {
		r.tiers = Tiers{mine}
		return err
	}
	var lines []string
	if err == nil {
		lines, err = t.describe(info)
	}
	text := strings.Join(lines, "\n")
	hash := sha256.Sum256([]byte(text))
	all, err := r.gather("the beginning of a run", append(hash[:], mine.hash()...), err)
	if err != nil {
		return err
	}
	same := true
	tiers := make([][]byte, len(all)) // their hashes
	for rank, b := range all {
		// Another version of this module may tell something of another length.
		if same = same && len(b) == 2*sha256.Size && bytes.Equal(b[:sha256.Size], hash[:]); same {
			tiers[rank] = b[sha256.Size:]
		}
	}
	if same {
		return r.compareTiers(mine, tiers, t.plan.SameTiers)
	}
	if all, err = r.gather("the description of a run", []byte(text), nil); err != nil {
		return err
	}
	first := strings.Split(string(all[0]), "\n")
	for rank, b := range all {
		for i, line := range strings.Split(string(b), "\n") {
			switch {
			case i >= len(first):
				return &dist.RankError{Rank: rank, Err: fmt.Errorf("bptt: it has %s, which rank 0 has not; all ranks need the same", line)}
			case line != first[i]:
				return &dist.RankError{Rank: rank, Err: fmt.Errorf("bptt: it has %s, rank 0 has %s; all ranks need the same", line, first[i])}
			}
		}
	}
	return &dist.RankError{Rank: 0, Err: errors.New("bptt: it has more settings than another rank; all ranks need the same")}
}

// describe returns what all ranks of a run must have in common, one thing a line.
func (t *Trainer) describe(info kernels.Report) ([]string, error) {
	if info.FloatMode != "default" {
		return nil, fmt.Errorf("bptt: the floating-point mode is %s; foreign code has changed it, and ranks would differ in bits", info.FloatMode)
	}
	program, library, known := versions()
	lines := []string{"the program " + program, "the library " + library}
	if !known {
		file, err := executable()
		if err != nil {
			return nil, err
		}
		lines = append(lines, "no version that is known, and "+file)
	}
	lines = append(lines, fmt.Sprintf("arithmetic with the sample %x", sample(info.ISA)))
	lines = describeNet(lines, "", t.net)
	if other := t.plan.Validate.Net; other != nil {
		lines = describeNet(lines, " for validations", other)
	} else {
		lines = append(lines, "no net for validations alone")
	}
	if t.masked != nil {
		lines = append(lines, fmt.Sprintf("random masks in the state %v", t.masked.MaskState()))
	}
	plan := t.plan
	plan.Group = nil
	plan.Workers, plan.Log, plan.Checkpoint.Dir = 0, Log{}, "" // may differ
	plan.Validate.Data, plan.Validate.Net = nil, nil
	lines = settings(lines, "Plan", reflect.ValueOf(plan), 0)
	lines = append(lines, fmt.Sprintf("files: %v", t.files.on()))
	state := t.plan.Optimizer.State()
	lines = append(lines, fmt.Sprintf("an optimizer %s with numbers %v and rates %v", state.Kind, state.Numbers, t.rates()))
	for _, d := range []struct {
		name   string
		source any
	}{{"data", t.data}, {"validation data", t.plan.Validate.Data}} {
		line := "no " + d.name + " that says its position"
		if m, ok := d.source.(encoding.BinaryMarshaler); ok {
			position, err := positionOf(m)
			if err != nil {
				return nil, err
			}
			line = fmt.Sprintf("%s, a %T, with the position %x", d.name, d.source, sha256.Sum256(position))
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// describeNet appends what ranks must have in common of a net: its sizes, parameters, settings
// and weights. of tells which net it is, behind what there is of it, "" for the one that is trained.
func describeNet(lines []string, of string, net nn.Net) []string {
	steps, batch, in, out := net.Dims()
	lines = append(lines, fmt.Sprintf("a net%s of %d steps, %d rows and widths %d and %d", of, steps, batch, in, out))
	net.EachParam(func(name string, w, _ []float32) {
		lines = append(lines, fmt.Sprintf("a parameter %s of %d elements", name, len(w)))
	})
	lines = netSettings(lines, "the net"+of, net)
	return append(lines, fmt.Sprintf("weights%s with the fingerprint %x", of, nn.Fingerprint(net)))
}

// settings appends a line for each exported field of v that is a number, a truth or a
// string, or consists of these.
func settings(lines []string, name string, v reflect.Value, depth int) []string {
	if depth > 8 {
		return lines
	}
	switch v.Kind() {
	case reflect.Bool, reflect.String,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64:
		return append(lines, fmt.Sprintf("%s = %v", name, v))
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			return append(lines, name+" = nil")
		}
		if v.Kind() == reflect.Interface {
			lines = append(lines, fmt.Sprintf("%s is a %v", name, v.Elem().Type()))
		}
		return settings(lines, name, v.Elem(), depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				lines = settings(lines, name+"."+f.Name, v.Field(i), depth+1)
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Len() > 16 {
			return append(lines, fmt.Sprintf("%s of %d elements with the hash %x", name, v.Len(), sha256.Sum256(fmt.Append(nil, v))))
		}
		lines = append(lines, fmt.Sprintf("%s of %d elements", name, v.Len()))
		for i := range v.Len() {
			lines = settings(lines, fmt.Sprintf("%s[%d]", name, i), v.Index(i), depth+1)
		}
	}
	return lines
}

// sample is the hash of what some kernels give, which is the same on all tiers. A processor
// that errs, or a library with another contract, shows in it.
func sample(isa kernels.ISA) []byte {
	const m, n, k = 7, 33, 65
	a, b, c := make([]float32, m*k), make([]float32, k*n), make([]float32, m*n)
	z := uint32(1)
	for _, v := range [][]float32{a, b, c} {
		for i := range v {
			z = z*1664525 + 1013904223
			v[i] = float32(int32(z)) * 0x1p-30
		}
	}
	isa.Gemm(kernels.AddTo, false, false, m, n, k, a, k, b, n, c, n, make([]float32, isa.GemmWork(false, false, m, n, k)))
	isa.Softmax(c[:n], c[:n])
	h := sha256.New()
	var bits []byte
	for _, v := range append(c, isa.Sum(a), float32(isa.SumSquares(b))) {
		bits = binary.LittleEndian.AppendUint32(bits[:0], math.Float32bits(v))
		h.Write(bits)
	}
	return h.Sum(nil)[:8]
}
