package main

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// metrics are what /metrics tells, in Prometheus' text format.
type metrics struct {
	registry *prometheus.Registry

	sessions         prometheus.Gauge
	connections      prometheus.Gauge
	opened           prometheus.Counter
	closed, refused  *prometheus.CounterVec
	steps            prometheus.Counter
	rows             prometheus.Histogram
	batches, latency prometheus.Histogram
	requests         *prometheus.HistogramVec
}

func newMetrics() *metrics {
	seconds := prometheus.ExponentialBuckets(1e-5, 2, 18) // 10 µs to 1.3 s
	m := &metrics{
		registry:    prometheus.NewRegistry(),
		sessions:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "serve_sessions", Help: "Sessions that are open."}),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{Name: "serve_connections", Help: "Connections that are open."}),
		opened:      prometheus.NewCounter(prometheus.CounterOpts{Name: "serve_sessions_opened_total", Help: "Sessions that were opened."}),
		closed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "serve_sessions_closed_total",
			Help: "Sessions that were closed, by reason: client or idle."}, []string{"reason"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "serve_refused_total",
			Help: "Requests that were refused or ended early, and connections, by the code of the error."}, []string{"code"}),
		steps: prometheus.NewCounter(prometheus.CounterOpts{Name: "serve_steps_total", Help: "Steps of all sessions: symbols that were read."}),
		rows: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "serve_batch_rows",
			Help: "Sessions that share a step of the model.", Buckets: prometheus.ExponentialBuckets(1, 2, 9)}),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "serve_batch_seconds", Help: "Time of a step of the model.", Buckets: seconds}),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "serve_step_seconds",
			Help: "Time of a session's step, from the question to the answer.", Buckets: seconds}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "serve_request_seconds",
			Help: "Time of a request, by route and status.", Buckets: prometheus.ExponentialBuckets(1e-3, 4, 9)}, []string{"route", "status"}),
	}
	m.registry.MustRegister(m.sessions, m.connections, m.opened, m.closed, m.refused, m.steps, m.rows, m.batches, m.latency, m.requests,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// batch implements observer.
func (m *metrics) batch(rows int, took time.Duration) {
	m.steps.Add(float64(rows))
	m.rows.Observe(float64(rows))
	m.batches.Observe(took.Seconds())
}

// step implements observer.
func (m *metrics) step(took time.Duration) { m.latency.Observe(took.Seconds()) }

// handler answers with all of them.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// meanRows is the mean of the sessions in a batch.
func (m *metrics) meanRows() float64 {
	var d dto.Metric
	if err := m.rows.Write(&d); err != nil || d.Histogram.GetSampleCount() == 0 {
		return 0
	}
	return d.Histogram.GetSampleSum() / float64(d.Histogram.GetSampleCount())
}
