package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// A refusal is an error as a client sees it, in JSON.
type refusal struct {
	status   int
	Code     string `json:"code"`
	Given    string `json:"given"`    // what came
	Expected string `json:"expected"` // what was expected
	Do       string `json:"do"`       // what to do
}

func (e *refusal) Error() string {
	return fmt.Sprintf("%s; expected %s; %s", e.Given, e.Expected, e.Do)
}

// Is holds for refusals of the same code.
func (e *refusal) Is(other error) bool {
	r, ok := other.(*refusal)
	return ok && r.Code == e.Code
}

// given is the error with another text of what came, and to with another one of what to do.
func (e refusal) given(text string) *refusal { e.Given = text; return &e }

// bad is an error in what a request says.
func bad(given, expected, do string) *refusal {
	return &refusal{http.StatusBadRequest, "bad_request", given, expected, do}
}

var (
	errUnknown = &refusal{http.StatusNotFound, "session_unknown", "a session that is not open: it was closed, by you or for being idle, or never opened",
		"the name of an open session", "open a session with POST /v1/sessions"}
	errBusy = &refusal{http.StatusConflict, "session_busy", "a request to a session that another request uses",
		"one request at a time to a session", "wait for the end of the other request, or open a session for each"}
	errClosed = &refusal{http.StatusGone, "session_closed", "a request whose session was closed in the middle of it",
		"a session that stays open until the end of the request", "close a session after its last request"}
	errFull = &refusal{http.StatusServiceUnavailable, "sessions_full", "",
		"fewer open sessions than -sessions allows", "close a session that you need no more, or try again later"}
	errShutdown = &refusal{http.StatusServiceUnavailable, "shutting_down", "a request to a server that is shutting down",
		"a server that takes requests", "try again later, or at another server"}
	errTime = &refusal{http.StatusServiceUnavailable, "time", "a request that takes longer than -request-time allows",
		"a shorter request", "ask for fewer symbols; the session is still open, and goes on where it stopped"}
	errStalled = &refusal{http.StatusRequestTimeout, "stalled", "a body that does not come to its end",
		"all of the body in the time that -stall gives, or that -request-time gives a stream", "send it at once, and as many bytes as Content-Length says"}
	errCut = &refusal{http.StatusBadRequest, "body_cut", "a body that ends early",
		"as many bytes as Content-Length says, or the last chunk", "send all of the body"}
	errGone = &refusal{499, "disconnected", "a client that has gone", "a client that reads its answer", "send the request again"}
	// Something is wrong with the server, and the client need not know what.
	errInternal = &refusal{http.StatusInternalServerError, "internal", "a request that the server failed at", "an answer", "try again; tell who runs the server"}
)

// tooLarge is the error of a body, or of a line of one, of more bytes than limit.
func tooLarge(what string, limit int64) *refusal {
	return &refusal{http.StatusRequestEntityTooLarge, "body_too_large", fmt.Sprintf("%s of more than %d bytes", what, limit),
		fmt.Sprintf("%d bytes at most", limit), "send it in several requests or lines; a session goes on where it stopped"}
}

// refused returns the error as a client sees it.
func refused(err error) *refusal {
	var r *refusal
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &r):
		return r
	case errors.As(err, &large):
		return tooLarge("a body", large.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errStalled
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errCut
	case errors.Is(err, errStopped):
		return errShutdown
	case errors.Is(err, context.Canceled), errors.As(err, new(net.Error)), errors.Is(err, net.ErrClosed):
		return errGone
	}
	return errInternal
}

// limits are what a client may ask for.
type limits struct {
	sessions    int
	connections int
	body        int64 // bytes, of a body or of a line of a stream
	symbols     int   // read and drawn by one request
	request     time.Duration
	stall       time.Duration // for a client to send a body, or to take what is written
	idle        time.Duration
}
