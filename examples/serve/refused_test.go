package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

// TestRefused: what was given, what was expected, what to do.
func TestRefused(t *testing.T) {
	v := start(t, func(l *limits) { l.symbols, l.body = 50, 300 })
	s := v.open(t, "")
	v.ok(t, "POST", s+"/text", `{"text": "a"}`)
	for _, c := range []struct {
		method, path, body string
		status             int
		code, given        string
	}{
		{"GET", "/nothing", "", 404, "not_found", `GET "/nothing"`},
		{"GET", "/v1/sessions", "", 405, "method", `GET "/v1/sessions"`},
		{"POST", s, "", 405, "method", "POST"},
		{"PUT", s + "/text", "", 405, "method", "PUT"},
		{"POST", "/v1/sessions/XYZ/text", "{}", 404, "session_unknown", "not open"},
		{"POST", "/v1/sessions/XYZ/steps", "", 404, "session_unknown", "not open"},
		{"GET", "/v1/sessions/XYZ/state", "", 404, "session_unknown", "not open"},
		{"DELETE", "/v1/sessions/XYZ", "", 404, "session_unknown", "not open"},
		{"POST", "/v1/sessions", "[]", 400, "bad_request", "no JSON object"},
		{"POST", "/v1/sessions", `{"state": 5}`, 400, "bad_request", "cannot be read"},
		{"POST", "/v1/sessions", `{"state": ""}`, 400, "bad_request", `a state of the model ""`},
		{"POST", s + "/text", "light", 400, "bad_request", "no JSON object"},
		{"POST", s + "/text", `{"text": "a"`, 400, "bad_request", "ends early"},
		{"POST", s + "/text", `{"text": "a"} {}`, 400, "bad_request", "something after"},
		{"POST", s + "/text", `{"tekst": "a"}`, 400, "bad_request", "tekst"},
		{"POST", s + "/text", `{"text": 5}`, 400, "bad_request", "number"},
		{"POST", s + "/text", `{"text": "a", "symbols": [1]}`, 400, "bad_request", `"text" and "symbols"`},
		{"POST", s + "/text", `{"symbols": [1, 256]}`, 400, "bad_request", "the symbol 256 at place 1"},
		{"POST", s + "/text", `{"symbols": [-1]}`, 400, "bad_request", "the symbol -1 at place 0"},
		{"POST", s + "/text", `{"symbols": [9e9]}`, 400, "bad_request", "9e9"},
		{"POST", s + "/text", `{"text": "a", "count": -1}`, 400, "bad_request", `"count" is -1`},
		{"POST", s + "/text", `{"text": "a", "piece": -1}`, 400, "bad_request", `"piece" -1`},
		{"POST", s + "/text", `{"text": "a", "count": 50}`, 400, "bad_request", "51 symbols"},
		{"POST", s + "/text", `{"text": "a", "count": 9223372036854775807}`, 400, "bad_request", "symbols"},
		{"POST", s + "/text", `{"text": "` + strings.Repeat("a", 51) + `"}`, 400, "bad_request", "51 symbols"},
		{"POST", s + "/text", `{"text": "a", "temperature": -1}`, 400, "bad_request", "temperature -1"},
		{"POST", s + "/text", `{"text": "a", "top_p": 0.5}`, 400, "bad_request", "TopP"},
		{"POST", s + "/text", `{"text": "` + strings.Repeat("a", 300) + `"}`, 413, "body_too_large", "more than 300 bytes"},
		{"POST", s + "/steps", `{"text": "` + strings.Repeat("a", 300) + `"}`, 413, "body_too_large", "a line of more than 300 bytes"},
		{"POST", s + "/steps", strings.Repeat("a", 100000), 413, "body_too_large", "a line of more than 300 bytes"},
		{"POST", s + "/steps", "5", 400, "bad_request", "no JSON object"},
		{"POST", s + "/steps", "{}", 400, "bad_request", "without symbols"},
		{"POST", s + "/steps", `{"symbols": [256]}`, 400, "bad_request", "256"},
		{"POST", s + "/steps", `{"text": "a", "outputs": "some"}`, 400, "bad_request", `"some"`},
		{"POST", s + "/steps", `{"text": "` + strings.Repeat("a", 51) + `"}`, 400, "bad_request", "51 symbols"},
		{"POST", s + "/steps", `{"text": "` + strings.Repeat("a", 50) + "\"}\n" + `{"text": "a"}`, 200, "bad_request", "1 symbols to read and to write"},
	} {
		a := v.do(t, c.method, c.path, c.body)
		require.Equal(t, c.status, a.status, "%+v: %s", c, a.body)
		lines := strings.Split(strings.TrimSpace(a.body), "\n")
		var e struct{ Error refusal }
		require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &e), a.body)
		require.Equal(t, c.code, e.Error.Code, "%+v", c)
		require.Contains(t, e.Error.Given, c.given)
		require.NotEmpty(t, e.Error.Expected)
		require.NotEmpty(t, e.Error.Do)
	}
	require.Equal(t, "POST", v.do(t, "GET", "/v1/sessions", "").head.Get("Allow"))
	a := v.do(t, "POST", v.open(t, "")+"/text", `{"count": 1}`)
	require.Contains(t, a.body, "has read nothing")
	v.ok(t, "POST", s+"/text", `{"text": "`+strings.Repeat("a", 25)+`", "count": 25}`)

	// A page in a browser.
	r, err := http.NewRequest("POST", v.base+"/v1/sessions", nil)
	require.NoError(t, err)
	r.Header.Set("Origin", "http://example.com")
	page, err := web.Do(r)
	require.NoError(t, err)
	page.Body.Close()
	require.Equal(t, 403, page.StatusCode)
}

// TestDescribed: what the server says of itself.
func TestDescribed(t *testing.T) {
	v := start(t, nil)
	require.Contains(t, v.ok(t, "GET", "/", ""), "/v1/sessions/{session}/text")
	require.JSONEq(t, `{"status": "ok"}`, v.ok(t, "GET", "/v1/health", ""))
	var m map[string]any
	require.NoError(t, json.Unmarshal([]byte(v.ok(t, "GET", "/v1/model", "")), &m))
	require.Equal(t, v.model.sha256, m["sha256"])
	require.Equal(t, []any{"embedding of 256 symbols", "LSTM, 2 x 12 units", "linear to 256"}, m["stages"])
	state := v.ok(t, "GET", v.open(t, "")+"/state", "")
	require.Contains(t, state, `"last":null`)
	require.Contains(t, state, base64.StdEncoding.EncodeToString(make([]byte, 4*4*12)))
}

// TestMetrics: what happened is told, in the text format.
func TestMetrics(t *testing.T) {
	v := start(t, nil)
	s := v.open(t, "")
	v.open(t, "")
	v.ok(t, "POST", s+"/text", `{"text": "abc", "count": 7}`)
	v.ok(t, "POST", s+"/steps", `{"text": "ab"}`)
	v.ok(t, "DELETE", s, "")
	require.Equal(t, 404, v.do(t, "DELETE", s, "").status)
	require.NoError(t, testutil.GatherAndCompare(v.m.registry, strings.NewReader(`
# HELP serve_sessions Sessions that are open.
# TYPE serve_sessions gauge
serve_sessions 1
# HELP serve_sessions_opened_total Sessions that were opened.
# TYPE serve_sessions_opened_total counter
serve_sessions_opened_total 2
# HELP serve_sessions_closed_total Sessions that were closed, by reason: client or idle.
# TYPE serve_sessions_closed_total counter
serve_sessions_closed_total{reason="client"} 1
# HELP serve_refused_total Requests that were refused or ended early, and connections, by the code of the error.
# TYPE serve_refused_total counter
serve_refused_total{code="session_unknown"} 1
# HELP serve_steps_total Steps of all sessions: symbols that were read.
# TYPE serve_steps_total counter
serve_steps_total 12
`), "serve_sessions", "serve_sessions_opened_total", "serve_sessions_closed_total", "serve_refused_total", "serve_steps_total"))
	text := v.ok(t, "GET", "/metrics", "")
	for _, line := range []string{
		"serve_steps_total 12\n", "serve_batch_rows_sum 12\n", "serve_step_seconds_count 12\n", "serve_batch_seconds_bucket{le=",
		`serve_request_seconds_count{route="/v1/sessions/{id}/text",status="200"} 1`, `serve_request_seconds_count{route="/v1/sessions/{id}",status="404"} 1`,
	} {
		require.Contains(t, text, line)
	}
	require.NotContains(t, text, strings.TrimPrefix(s, "/v1/sessions/"), "names of sessions are nobody's business")
}
