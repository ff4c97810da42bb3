package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/decode"
	"github.com/simdrnn/simdrnn/kernels"
)

var errNotFinite = &refusal{http.StatusUnprocessableEntity, "not_finite", "a state from which the model gives numbers that are not finite",
	"a state that the model has come to", "open another session"}

// describe says which model it is.
func (x *exchange) describe() error {
	m := x.model
	return x.answer(http.StatusOK, map[string]any{
		"stages": m.stages, "symbols": m.symbols, "sha256": m.sha256, "kernels": kernels.Current().String(),
		"limits": map[string]any{"body_bytes": x.limits.body, "symbols": x.limits.symbols, "request_seconds": x.limits.request.Seconds(),
			"stall_seconds": x.limits.stall.Seconds(), "idle_seconds": x.limits.idle.Seconds()},
	})
}

// A snapshot is the state of a session, to go on with in another one, on any machine.
type snapshot struct {
	Model  string `json:"model"`  // its sha256
	Last   *int32 `json:"last"`   // the symbol that was read last; null if none was
	State  []byte `json:"state"`  // float32, little-endian, here and below
	Logits []byte `json:"logits"` // after last
}

// open opens a session, in zero state or in that of a snapshot.
func (x *exchange) open() error {
	lane := x.batcher.newLane()
	var from snapshot
	limit := max(x.limits.body, int64(4096+6*(len(lane.state)+len(lane.logits)))) // 4 bytes are 5 1/3 in base64
	if err := x.body(&from, limit); err != nil {
		return err
	}
	last := int32(-1)
	if from.Model != "" || from.State != nil || from.Last != nil || from.Logits != nil {
		if from.Model != x.model.sha256 {
			return bad(fmt.Sprintf("a state of the model %.64q", from.Model), "one of the model "+x.model.sha256, "send it to the server that it comes from")
		}
		if from.Last == nil {
			from.Logits = make([]byte, 4*len(lane.logits)) // there are none
		} else if last = *from.Last; last < 0 || int(last) >= x.model.symbols {
			return badSymbol(last, 0, x.model.symbols)
		}
		if err := errors.Join(floats("state", lane.state, from.State), floats("logits", lane.logits, from.Logits)); err != nil {
			return err
		}
	}
	s, err := x.sessions.open(lane, last)
	if err != nil {
		return err
	}
	return x.answer(http.StatusCreated, map[string]any{"session": s.id, "idle_seconds": x.limits.idle.Seconds()})
}

// floats sets dst to the numbers in b, which have to be as many, and finite.
func floats(what string, dst []float32, b []byte) error {
	const do = "send what GET /v1/sessions/{id}/state gave, as it is"
	if len(b) != 4*len(dst) {
		return bad(fmt.Sprintf("%q of %d bytes", what, len(b)), fmt.Sprintf("%d bytes", 4*len(dst)), do)
	}
	for i := range dst {
		v := math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		if v != v || math.IsInf(float64(v), 0) {
			return bad(fmt.Sprintf("%q with the number %v", what, v), "finite numbers", do)
		}
		dst[i] = v
	}
	return nil
}

func bytesOf(v []float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}

// close closes the session.
func (x *exchange) close() error {
	if err := x.sessions.close(x.r.PathValue("id")); err != nil {
		return err
	}
	return x.answer(http.StatusOK, map[string]bool{"closed": true})
}

// turn takes the session of the request, for as long as a request may take.
func (x *exchange) turn() (t *turn, done func(), err error) {
	ctx, cancel := context.WithTimeoutCause(x.r.Context(), x.limits.request, errTime)
	s, ctx, err := x.sessions.take(ctx, x.r.PathValue("id"))
	if err != nil {
		cancel()
		return nil, nil, err
	}
	return &turn{session: s, b: x.batcher, ctx: ctx}, func() { x.sessions.give(s); cancel() }, nil
}

// state gives the state of the session.
func (x *exchange) state() error {
	t, done, err := x.turn()
	if err != nil {
		return err
	}
	s := snapshot{Model: x.model.sha256, State: bytesOf(t.lane.state)}
	if t.last >= 0 {
		last := t.last
		s.Last, s.Logits = &last, bytesOf(t.lane.logits)
	}
	done()
	return x.answer(http.StatusOK, s)
}

// input is what the model is to read.
type input struct {
	Text    string  `json:"text"`    // its bytes
	Symbols []int32 `json:"symbols"` // in place of Text
}

// ids returns the symbols, of which there are at most most.
func (in *input) ids(symbols, most int) ([]int32, error) {
	if in.Text != "" && in.Symbols != nil {
		return nil, bad(`"text" and "symbols"`, "one of them", "leave one out")
	}
	if n := len(in.Text) + len(in.Symbols); n > most {
		return nil, tooMany(n, most)
	}
	for i, id := range in.Symbols {
		if id < 0 || int(id) >= symbols {
			return nil, badSymbol(id, i, symbols)
		}
	}
	ids := in.Symbols
	for i := range len(in.Text) {
		ids = append(ids, int32(in.Text[i]))
	}
	return ids, nil
}

func badSymbol(id int32, at, symbols int) error {
	return bad(fmt.Sprintf("the symbol %d at place %d", id, at), fmt.Sprintf("symbols of 0 to %d", symbols-1), "send bytes of a text, each as a number")
}

func tooMany(given, most int) error {
	return bad(fmt.Sprintf("%d symbols to read and to write", given), fmt.Sprintf("at most %d in a request", most), "use several requests; a session goes on where it stopped")
}

// write is what a request for text says.
type write struct {
	input
	Count       int     `json:"count"` // symbols to write
	Temperature float64 `json:"temperature"`
	TopK        int     `json:"top_k"`
	TopP        float64 `json:"top_p"`
	Repetition  float64 `json:"repetition"`
	Stop        string  `json:"stop"`
	Seed        *uint64 `json:"seed"`
	Piece       int     `json:"piece"` // symbols of a line; 0: 16
}

const defaultPiece = 16

// text reads a text, and streams how the model goes on.
func (x *exchange) text() error {
	var q write
	if err := x.body(&q, x.limits.body); err != nil {
		return err
	}
	prompt, err := q.ids(x.model.symbols, x.limits.symbols)
	switch {
	case err != nil:
		return err
	case q.Count < 0 || q.Piece < 0:
		return bad(fmt.Sprintf(`"count" is %d and "piece" %d`, q.Count, q.Piece), "0 or more", "say how many symbols to write, and how many in a line")
	case q.Count > x.limits.symbols-len(prompt):
		return tooMany(q.Count+len(prompt), x.limits.symbols)
	}
	how := decode.Sampling{Temperature: q.Temperature, TopK: q.TopK, TopP: q.TopP, Repetition: q.Repetition}
	for i := range len(q.Stop) {
		how.Stop = append(how.Stop, int32(q.Stop[i]))
	}
	if q.Seed == nil {
		seed := rand.Uint64() >> 11 // which any reader of JSON has exactly
		q.Seed = &seed
	}
	t, done, err := x.turn()
	if err != nil {
		return err
	}
	defer done()
	if len(prompt) == 0 {
		if t.last < 0 {
			return bad("no text to a session that has read nothing", "a text to begin with", `send "text" with at least one character`)
		}
		prompt = t.resume()
	}
	sampler, err := decode.NewSampler(t, how, rand.New(rand.NewPCG(*q.Seed, 1)))
	if err != nil {
		return bad(err.Error(), "settings that a text can be drawn by", "change them, or leave them out")
	}
	drawn, ended := 0, "count"
	ids := make([]int32, min(q.Count, cmp.Or(q.Piece, defaultPiece)))
	text := make([]byte, len(ids))
	for {
		piece := ids[:min(len(ids), q.Count-drawn)]
		x.batcher.enter()
		n, err := sampler.Sample(piece, prompt)
		x.batcher.leave()
		if err != nil {
			return sampling(err)
		}
		drawn, prompt = drawn+n, nil
		for i, id := range piece[:n] {
			text[i] = byte(id)
		}
		if n > 0 {
			if err := x.line(map[string]any{"symbols": piece[:n], "text": string(text[:n])}); err != nil {
				return err
			}
		}
		if n < len(piece) || n > 0 && strings.IndexByte(q.Stop, text[n-1]) >= 0 {
			ended = "stop"
		} else if drawn < q.Count {
			if err := x.flush(); err != nil {
				return err
			}
			continue
		}
		return x.line(map[string]any{"end": ended, "drawn": drawn, "seed": *q.Seed})
	}
}

// sampling is an error of Sample: one of the model's numbers, where it is none of a turn.
func sampling(err error) error {
	if refused(err) == errInternal && !errors.As(err, new(*data.IDError)) {
		return errNotFinite
	}
	return err
}

// lingering is for how long the rest of a body is read after a stream that ended early.
const lingering = 500 * time.Millisecond

// feed is a line of a stream of steps.
type feed struct {
	input
	Outputs string `json:"outputs"` // last, the default, all or none
}

// steps reads lines as they come, and streams what the model gives after their symbols.
func (x *exchange) steps() error {
	if err := x.rc.EnableFullDuplex(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	// What is left of a body when a stream ends early must not be read as the next request.
	x.w.Header().Set("Connection", "close")
	t, done, err := x.turn()
	if err != nil {
		return err
	}
	defer done()
	// A stream may pause; when its time is over, the read under way ends.
	setDeadline := func(d time.Time) { _ = x.rc.SetReadDeadline(d) } // without deadlines it ends with the client
	setDeadline(time.Time{})
	over := make(chan struct{})
	stop := context.AfterFunc(t.ctx, func() { setDeadline(time.Now()); close(over) })
	defer func() {
		if !stop() {
			<-over
		}
	}()
	in := lines{r: bufio.NewReader(x.r.Body), limit: int(x.limits.body)}
	total := 0
	for {
		b, err := in.next()
		if cause := context.Cause(t.ctx); cause != nil && cause != context.Canceled {
			err = cause // of the end of the read; for a client that has gone it is the read's own
		}
		if err == io.EOF {
			return x.line(map[string]any{"end": "body", "read": total})
		}
		if err == nil {
			var n int
			n, err = x.feed(t, b, x.limits.symbols-total)
			total += n
		}
		if err != nil {
			// The rest of the body is of no use. A part of it is read all the same: a client
			// that is still sending would not see the answer otherwise.
			setDeadline(time.Now().Add(lingering))
			return unreadable(err)
		}
	}
}

// feed makes the steps of a line, and sends what comes of them.
func (x *exchange) feed(t *turn, b []byte, most int) (int, error) {
	var f feed
	if err := decodeObject(b, &f); err != nil {
		return 0, err
	}
	ids, err := f.ids(x.model.symbols, most)
	switch {
	case err != nil:
		return 0, err
	case len(ids) == 0:
		return 0, bad("a line without symbols", `"text" or "symbols" in each line`, "send at least one symbol in a line")
	case f.Outputs != "" && f.Outputs != "last" && f.Outputs != "all" && f.Outputs != "none":
		return 0, bad(fmt.Sprintf(`"outputs" is %.20q`, f.Outputs), "last, all or none", "leave it out for last")
	}
	for i := range ids {
		x.batcher.enter()
		err := t.StepIDs(t.lane.logits, ids[i:i+1])
		x.batcher.leave()
		if err != nil {
			return i, err
		}
		if f.Outputs == "all" || f.Outputs != "none" && i == len(ids)-1 {
			if err := x.line(map[string]any{"outputs": t.lane.logits}); err != nil {
				return i + 1, err
			}
		}
	}
	if err := x.line(map[string]any{"read": len(ids)}); err != nil {
		return len(ids), err
	}
	return len(ids), x.flush()
}

// lines are those of a body.
type lines struct {
	r      *bufio.Reader
	limit  int // bytes of a line
	buffer []byte
}

// next returns a line that is not empty, without its end. The memory is used again by the
// next call. It takes memory for what has come, not for what may.
func (l *lines) next() ([]byte, error) {
	l.buffer = l.buffer[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		l.buffer = append(l.buffer, part...)
		if len(bytes.TrimRight(l.buffer, "\r\n")) > l.limit {
			return nil, tooLarge("a line", int64(l.limit))
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && (err != io.EOF || len(bytes.TrimSpace(l.buffer)) == 0):
			return nil, err
		}
		if line := bytes.TrimSpace(l.buffer); len(line) > 0 {
			return line, nil
		}
		l.buffer = l.buffer[:0]
	}
}
