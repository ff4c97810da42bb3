package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/decode"
)

// A served is a server under test, and its client.
type served struct {
	*server
	base string
	stop context.CancelFunc
	done chan error
	log  *bytes.Buffer // to be read when the server has ended
}

// web is the client of all tests. A request that takes longer is a failure of its test.
var web = &http.Client{Timeout: 20 * time.Second}

var generous = limits{sessions: 64, connections: 256, body: 4096, symbols: 4096, request: 20 * time.Second, stall: 30 * time.Second, idle: time.Minute}

// start starts a server of a small model; change changes its limits.
func start(t testing.TB, change func(l *limits)) *served {
	t.Helper()
	return startWith(t, made(t, small), change, 10*time.Second)
}

func startWith(t testing.TB, m *model, change func(l *limits), grace time.Duration) *served {
	t.Helper()
	l := generous
	if change != nil {
		change(&l)
	}
	v := &served{done: make(chan error, 1), log: new(bytes.Buffer)}
	var err error
	v.server, err = newServer(m, l, 8, 200*time.Microsecond, v.log)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	v.base = "http://" + listener.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	v.stop = stop
	go func() { v.done <- v.run(ctx, listener, grace) }()
	t.Cleanup(func() { require.NoError(t, v.end(t), "every request ended by itself") })
	return v
}

// end ends the server, once, and returns its error.
func (v *served) end(t testing.TB) error {
	t.Helper()
	v.stop()
	web.CloseIdleConnections()
	select {
	case err := <-v.done:
		v.done <- nil
		return err
	case <-time.After(15 * time.Second):
		t.Fatal("the server does not end")
		return nil
	}
}

// An answered is an answer to a request.
type answered struct {
	status int
	body   string
	head   http.Header
}

// code is that of the error in the last line.
func (a answered) code() string {
	lines := strings.Split(strings.TrimSpace(a.body), "\n")
	var e struct{ Error refusal }
	if json.Unmarshal([]byte(lines[len(lines)-1]), &e) != nil {
		return ""
	}
	return e.Error.Code
}

func (v *served) do(t testing.TB, method, path, body string) answered {
	t.Helper()
	r, err := http.NewRequest(method, v.base+path, strings.NewReader(body))
	require.NoError(t, err)
	a, err := web.Do(r)
	require.NoError(t, err)
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	require.NoError(t, err)
	return answered{a.StatusCode, string(b), a.Header}
}

// open opens a session and returns its path.
func (v *served) open(t testing.TB, state string) string {
	t.Helper()
	a := v.do(t, "POST", "/v1/sessions", state)
	require.Equal(t, 201, a.status, a.body)
	var s struct{ Session string }
	require.NoError(t, json.Unmarshal([]byte(a.body), &s))
	require.Len(t, s.Session, 26)
	return "/v1/sessions/" + s.Session
}

// ok is do for a request that has to be answered to its end.
func (v *served) ok(t testing.TB, method, path, body string) string {
	t.Helper()
	a := v.do(t, method, path, body)
	require.Equal(t, 200, a.status, a.body)
	require.Empty(t, a.code(), a.body)
	return a.body
}

// written is the text of a stream.
func written(t testing.TB, body string) (text []byte, last map[string]any) {
	t.Helper()
	for line := range strings.Lines(body) {
		var l struct {
			Symbols []byte1
			Text    string
		}
		require.NoError(t, json.Unmarshal([]byte(line), &l))
		for _, s := range l.Symbols {
			text = append(text, byte(s))
		}
		last = nil
		require.NoError(t, json.Unmarshal([]byte(line), &last))
	}
	return text, last
}

// byte1 is a byte that JSON has as a number.
type byte1 uint8

// sampled is what the model writes without a server.
func sampled(t testing.TB, m *model, prompt string, n int, how decode.Sampling, seed uint64) []byte {
	t.Helper()
	p, err := m.net.Predictor(1)
	require.NoError(t, err)
	read := make([]int32, len(prompt))
	for i := range read {
		read[i] = int32(prompt[i])
	}
	ids := make([]int32, n)
	n, err = decode.Sample(p, ids, read, how, rand.New(rand.NewPCG(seed, 1)))
	require.NoError(t, err)
	text := make([]byte, n)
	for i := range text {
		text[i] = byte(ids[i])
	}
	return text
}

// TestText: the server writes what the model writes, at once and in parts, and with every
// setting.
func TestText(t *testing.T) {
	v := start(t, nil)
	s := v.open(t, "")
	text, last := written(t, v.ok(t, "POST", s+"/text", `{"text": "Light", "count": 40, "temperature": 0.8, "top_k": 90, "top_p": 0.9, "repetition": 1.1, "seed": 3, "piece": 7}`))
	require.Equal(t, sampled(t, v.model, "Light", 40, decode.Sampling{Temperature: 0.8, TopK: 90, TopP: 0.9, Repetition: 1.1}, 3), text)
	require.Equal(t, map[string]any{"end": "count", "drawn": 40.0, "seed": 3.0}, last)

	want := sampled(t, v.model, "é!", 50, decode.Sampling{}, 0)
	s = v.open(t, "")
	one, _ := written(t, v.ok(t, "POST", s+"/text", `{"text": "é!", "count": 20}`))
	none, last := written(t, v.ok(t, "POST", s+"/text", `{"count": 0}`))
	require.Empty(t, none)
	require.Equal(t, 0.0, last["drawn"])
	two, _ := written(t, v.ok(t, "POST", s+"/text", `{"count": 30, "piece": 1}`))
	require.Equal(t, string(want), string(one)+string(two), "the second request goes on where the first one stopped")

	// What was drawn has been read once, by whatever requests.
	s = v.open(t, "")
	read := []int32{'a'}
	for _, body := range []string{`{"text": "a", "count": 5, "temperature": 1, "seed": 1}`, `{"count": 0}`, `{"count": 7, "temperature": 1, "seed": 2}`} {
		text, _ := written(t, v.ok(t, "POST", s+"/text", body))
		for _, c := range text {
			read = append(read, int32(c))
		}
	}
	require.Len(t, read, 13)
	var after struct{ Outputs []float32 }
	first, _, _ := strings.Cut(v.ok(t, "POST", s+"/steps", `{"text": "b"}`), "\n")
	require.NoError(t, json.Unmarshal([]byte(first), &after))
	require.True(t, same(after.Outputs, logits(t, v.model, append(read, 'b'))[13]))

	// Only to read; the same as numbers; a random seed that is told.
	s = v.open(t, "")
	v.ok(t, "POST", s+"/text", `{"text": "é"}`)
	text, _ = written(t, v.ok(t, "POST", s+"/text", `{"symbols": [33], "count": 50}`))
	require.Equal(t, want, text)
	s = v.open(t, "")
	text, last = written(t, v.ok(t, "POST", s+"/text", `{"text": "a", "count": 9, "temperature": 1}`))
	require.Equal(t, sampled(t, v.model, "a", 9, decode.Sampling{Temperature: 1}, uint64(last["seed"].(float64))), text)
}

// TestStop: a text ends after a stop symbol, wherever in a line that is.
func TestStop(t *testing.T) {
	v := start(t, nil)
	ascii := 0
	for seed := range uint64(30) {
		whole := sampled(t, v.model, "a", 6, decode.Sampling{Temperature: 1}, seed)
		for n, c := range whole {
			if c >= 128 || bytes.IndexByte(whole, c) != n {
				continue
			}
			ascii++
			text, last := written(t, v.ok(t, "POST", v.open(t, "")+"/text", fmt.Sprintf(`{"text": "a", "count": 6, "piece": 3, "temperature": 1, "seed": %d, "stop": "\u%04x"}`, seed, c)))
			require.Equal(t, whole[:n+1], text)
			require.Equal(t, "stop", last["end"])
			break
		}
	}
	require.Greater(t, ascii, 10)
}

// TestSteps: the outputs are the logits of the model bit for bit, and a line is answered
// before the next one is sent.
func TestSteps(t *testing.T) {
	v := start(t, nil)
	want := logits(t, v.model, []int32{76, 105, 0, 255, 103})
	from, to := io.Pipe()
	r, err := http.NewRequest("POST", v.base+v.open(t, "")+"/steps", from)
	require.NoError(t, err)
	go fmt.Fprintln(to, `{"text": "Li"}`)
	a, err := web.Do(r)
	require.NoError(t, err)
	defer a.Body.Close()
	require.Equal(t, "application/x-ndjson", a.Header.Get("Content-Type"))
	in := bufio.NewReader(a.Body)
	next := func() (l struct {
		Outputs []float32
		Read    int
		End     string
	}) {
		b, err := in.ReadBytes('\n')
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(b, &l))
		return l
	}
	require.True(t, same(want[1], next().Outputs))
	require.Equal(t, 2, next().Read)
	fmt.Fprint(to, "\n\r\n", `{"symbols": [0, 255], "outputs": "all"}`, "\r\n")
	require.True(t, same(want[2], next().Outputs))
	require.True(t, same(want[3], next().Outputs))
	require.Equal(t, 2, next().Read)
	fmt.Fprint(to, `{"symbols": [103], "outputs": "none"}`) // a last line may have no end
	to.Close()
	require.Equal(t, 1, next().Read)
	l := next()
	require.Equal(t, "body", l.End)
	require.Equal(t, 5, l.Read)
	_, err = in.ReadByte()
	require.Equal(t, io.EOF, err)
}

// TestState: a state goes on in another session, at another server, with the same bits; and
// one that fits not is refused.
func TestState(t *testing.T) {
	v, other := start(t, nil), start(t, nil)
	s := v.open(t, "")
	fresh := v.ok(t, "GET", s+"/state", "")
	v.ok(t, "POST", s+"/text", `{"text": "Light", "count": 10}`)
	state := v.ok(t, "GET", s+"/state", "")
	want := v.ok(t, "POST", s+"/text", `{"count": 20, "temperature": 1, "seed": 5}`)
	require.Equal(t, want, other.ok(t, "POST", other.open(t, state)+"/text", `{"count": 20, "temperature": 1, "seed": 5}`))
	require.Equal(t, v.ok(t, "POST", v.open(t, "")+"/text", `{"text": "b", "count": 20, "seed": 1}`), v.ok(t, "POST", v.open(t, fresh)+"/text", `{"text": "b", "count": 20, "seed": 1}`))

	var good snapshot
	require.NoError(t, json.Unmarshal([]byte(state), &good))
	for text, edit := range map[string]func(s *snapshot){
		"of the model":              func(s *snapshot) { s.Model = strings.Repeat("0", 64) },
		"\\\"state\\\" of 4 bytes":  func(s *snapshot) { s.State = s.State[:4] },
		"\\\"logits\\\" of 0 bytes": func(s *snapshot) { s.Logits = nil },
		"the symbol 256":            func(s *snapshot) { *s.Last = 256 },
		"with the number NaN":       func(s *snapshot) { copy(s.State[8:], []byte{0, 0, 0xc0, 0x7f}) },
		"with the number -Inf":      func(s *snapshot) { copy(s.Logits[8:], []byte{0, 0, 0x80, 0xff}) },
	} {
		bad := good
		last := *good.Last
		bad.Last, bad.State, bad.Logits = &last, bytes.Clone(good.State), bytes.Clone(good.Logits)
		edit(&bad)
		b, err := json.Marshal(bad)
		require.NoError(t, err)
		a := v.do(t, "POST", "/v1/sessions", string(b))
		require.Equal(t, 400, a.status, a.body)
		require.Contains(t, a.body, text)
	}
}

// TestHugeState: a client that sends a state from which the model overflows hurts itself.
func TestHugeState(t *testing.T) {
	v := start(t, nil)
	var huge snapshot
	require.NoError(t, json.Unmarshal([]byte(v.ok(t, "GET", v.open(t, "")+"/state", "")), &huge))
	for i := range huge.State {
		huge.State[i] = []byte{0xff, 0xff, 0x7f, 0x7f}[i%4] // the largest number
	}
	b, err := json.Marshal(huge)
	require.NoError(t, err)
	const ask = `{"text": "Light", "count": 100, "temperature": 1, "seed": 1}`
	want := v.ok(t, "POST", v.open(t, "")+"/text", ask)
	var wg sync.WaitGroup
	bad, good := v.open(t, string(b)), v.open(t, "")
	wg.Go(func() {
		for range 20 {
			v.do(t, "POST", bad+"/text", `{"text": "aaaaaaaaaaaaaaa"}`)
		}
	})
	got := v.ok(t, "POST", good+"/text", ask)
	wg.Wait()
	require.Equal(t, want, got)
}

// TestNotFinite: what is no number is an error, and not a number in an answer.
func TestNotFinite(t *testing.T) {
	m := made(t, small)
	m.net.EachParam(func(_ string, w, _ []float32) { w[3] = float32(math.NaN()) }) // of the readout at last
	v := startWith(t, m, nil, time.Second)
	s := v.open(t, "")
	for path, body := range map[string]string{"/text": `{"text": "a", "count": 1}`, "/steps": `{"text": "a"}`} {
		a := v.do(t, "POST", s+path, body)
		require.Equal(t, 422, a.status, a.body)
		require.Equal(t, "not_finite", a.code())
	}
}

// TestAnswersUnderLoad: among clients that come, go, stall and disconnect, each gets the
// bytes that a client alone gets.
func TestAnswersUnderLoad(t *testing.T) {
	v := start(t, nil)
	const clients, requests = 12, 4
	script := func(c int) (answers string) {
		s := v.open(t, "")
		for i := range requests {
			if i%2 == 0 {
				answers += v.ok(t, "POST", s+"/text", fmt.Sprintf(`{"text": "client %d", "count": %d, "temperature": 0.9, "seed": %d, "piece": %d}`, c, 20+c, c, 1+c%5))
			} else {
				answers += v.ok(t, "POST", s+"/steps", strings.Repeat(fmt.Sprintf(`{"symbols": [%d, %d], "outputs": "all"}`+"\n", c, 255-c), 3))
			}
		}
		answers += v.ok(t, "GET", s+"/state", "")
		v.ok(t, "DELETE", s, "")
		return answers
	}
	want := make([]string, clients)
	for c := range clients {
		want[c] = script(c)
		for before := range c {
			require.NotEqual(t, want[before], want[c])
		}
	}
	end := make(chan struct{})
	var noise, wg sync.WaitGroup
	for c := range 4 {
		noise.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-end:
					return
				default:
				}
				s := v.open(t, "")
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+(7*i+3*c)%9)*time.Millisecond)
				r, _ := http.NewRequestWithContext(ctx, "POST", v.base+s+"/text", strings.NewReader(`{"text": "noise", "count": 4000, "temperature": 1}`))
				if a, err := web.Do(r); err == nil {
					io.Copy(io.Discard, a.Body) // until the time is over
					a.Body.Close()
				}
				cancel()
				v.do(t, "DELETE", s, "")
			}
		})
	}
	for c := range clients {
		wg.Go(func() {
			if got := script(c); got != want[c] {
				t.Errorf("client %d got another answer than alone", c)
			}
		})
	}
	wg.Wait()
	close(end)
	noise.Wait()
	require.Greater(t, v.m.meanRows(), 1.0, "steps were made together")
}
