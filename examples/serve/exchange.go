package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// An exchange is a request and its answer, which is JSON at once or, as a stream, JSON line
// by line.
type exchange struct {
	*server
	w      http.ResponseWriter
	r      *http.Request
	rc     *http.ResponseController
	status int // that was sent; 0: nothing was
	stream bool
	buffer bytes.Buffer
}

// send sends bytes, after the head of the answer if that was not sent. A client that does
// not take them in the time it has is an error.
func (x *exchange) send(status int, kind string, b []byte) error {
	if err := x.rc.SetWriteDeadline(time.Now().Add(x.limits.stall)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if x.status == 0 {
		x.w.Header().Set("Content-Type", kind)
		x.w.Header().Set("X-Content-Type-Options", "nosniff")
		x.w.Header().Set("Cache-Control", "no-store")
		x.status = status
		x.w.WriteHeader(status)
	}
	if _, err := x.w.Write(b); err != nil {
		return notTaken(err)
	}
	return nil
}

// flush sends what was written.
func (x *exchange) flush() error {
	if err := x.rc.Flush(); err != nil {
		return notTaken(err)
	}
	return nil
}

// notTaken is the error of a client that does not take its answer.
func notTaken(err error) error {
	if refused(err) == errStalled {
		return errStalled.given("an answer that is not taken in the time that -stall gives")
	}
	return errGone
}

// encode returns v in JSON and a line end. The memory is used again by the next call.
func (x *exchange) encode(v any) ([]byte, error) {
	x.buffer.Reset()
	e := json.NewEncoder(&x.buffer)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	if errors.As(err, new(*json.UnsupportedValueError)) {
		err = errNotFinite
	}
	return x.buffer.Bytes(), err
}

// answer sends v as all of the answer.
func (x *exchange) answer(status int, v any) error {
	b, err := x.encode(v)
	if err != nil {
		return err
	}
	return x.send(status, "application/json", b)
}

// line sends v as a line of a stream. It goes on its way with flush.
func (x *exchange) line(v any) error {
	b, err := x.encode(v)
	if err != nil {
		return err
	}
	x.stream = true
	return x.send(http.StatusOK, "application/x-ndjson", b)
}

// fail answers with an error: as the last line of a stream that has begun.
func (x *exchange) fail(err error) {
	e := refused(err)
	if e == errInternal {
		x.log.Printf("%s: %v", x.r.Pattern, err)
	}
	x.m.refused.WithLabelValues(e.Code).Inc()
	v := map[string]*refusal{"error": e}
	if x.status == 0 && e.status == http.StatusServiceUnavailable {
		x.w.Header().Set("Retry-After", "1")
	}
	// A client that has gone is not told why, so errors do not matter here.
	switch {
	case x.status == 0:
		_ = x.answer(e.status, v)
	case x.stream && x.line(v) == nil:
		_ = x.flush()
	}
}

// body reads the body of a request, which is one JSON object of the fields of v, or empty
// for none of them, of at most limit bytes. The time for it is that of the server.
func (x *exchange) body(v any, limit int64) error {
	if x.r.ContentLength > limit {
		return tooLarge("a body", limit)
	}
	b, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, limit))
	if err != nil {
		return unreadable(err)
	}
	return decodeObject(b, v)
}

// unreadable is the error of a body that came to no end.
func unreadable(err error) error {
	if refused(err) == errInternal { // such as a chunk of no length
		return errCut.given("a body that is not in the form its head says: " + err.Error())
	}
	return err
}

// decodeObject reads a JSON object. Fields that v does not have are errors.
func decodeObject(b []byte, v any) error {
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return nil
	}
	const do = "see GET / for the fields"
	if b[0] != '{' {
		return bad("a body that is no JSON object", "a JSON object", do)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("it ends early")
		}
		return bad("a body that cannot be read: "+strings.TrimPrefix(err.Error(), "json: "), "a JSON object of the fields of this request", do)
	}
	if _, err := d.Token(); err != io.EOF {
		return bad("something after the JSON object", "one JSON object", do)
	}
	return nil
}

// index explains the routes.
func (x *exchange) index() error {
	return x.send(http.StatusOK, "text/plain; charset=utf-8", []byte(routes))
}

// health says whether the server takes requests.
func (x *exchange) health() error {
	if x.closing.Load() {
		return errShutdown
	}
	return x.answer(http.StatusOK, map[string]string{"status": "ok"})
}

// nowhere refuses what no route is for.
func (x *exchange) nowhere() error {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
		r := x.r.Clone(context.Background())
		r.Method = method
		if _, pattern := x.routes.Handler(r); strings.HasPrefix(pattern, method) {
			allowed = append(allowed, method)
		}
	}
	const do = "see GET / for the routes"
	given := fmt.Sprintf("%s %.80q", x.r.Method, x.r.URL.Path)
	if allowed == nil {
		return &refusal{http.StatusNotFound, "not_found", given, "the path of a route", do}
	}
	x.w.Header().Set("Allow", strings.Join(allowed, ", "))
	return &refusal{http.StatusMethodNotAllowed, "method", given, strings.Join(allowed, " or ") + " for this path", do}
}
