package wire

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count requests by service, operation and code.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	bytesIn  *prometheus.CounterVec
	bytesOut *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	by := []string{"service", "operation"}
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "flowlake_requests_total",
			Help: "AWS requests answered, by error code; OK for none."}, append(by, "code")),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "flowlake_request_seconds",
			Help: "Time from a request's headers to its answer's end.", Buckets: prometheus.ExponentialBuckets(0.0005, 4, 10)}, by),
		bytesIn: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "flowlake_request_body_bytes_total",
			Help: "Bytes of request bodies read."}, by),
		bytesOut: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "flowlake_response_body_bytes_total",
			Help: "Bytes of answers' bodies written."}, by),
	}
	if registry == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.bytesIn, m.bytesOut} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

// operationName is the operation for labels and logs: one of ours, so that clients make no new ones.
func (x *exchange) operationName() string {
	if x.operation == nil {
		return "unknown"
	}
	return x.operation.Name
}

// done counts and logs the finished exchange.
func (x *exchange) done() {
	took := time.Since(x.began)
	code := x.code
	if code == "" {
		code = "OK"
		if x.w.status >= http.StatusBadRequest { // a raw handler that answered by itself
			code = strconv.Itoa(x.w.status)
		}
	}
	service, operation := x.service.Name, x.operationName()
	x.metrics.requests.WithLabelValues(service, operation, code).Inc()
	x.metrics.seconds.WithLabelValues(service, operation).Observe(took.Seconds())
	x.metrics.bytesIn.WithLabelValues(service, operation).Add(float64(x.received))
	x.metrics.bytesOut.WithLabelValues(service, operation).Add(float64(x.w.bytes))
	x.record(code)
	if ctx := x.r.Context(); x.cfg.Log.Enabled(ctx, slog.LevelDebug) {
		x.cfg.Log.Debug("request", append(x.facts(), slog.String("code", code), slog.Int("status", x.w.status),
			slog.Int64("bytes", x.w.bytes), slog.Duration("took", took))...)
	}
}

// facts are what every log line of a request carries.
func (x *exchange) facts() []any {
	return []any{slog.String("service", x.service.Name), slog.String("operation", x.operationName()), slog.String("request_id", x.requestID)}
}

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
	broken bool // a write failed: the client is gone
}

// WriteHeader notes the status; informational ones are not the answer.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	w.broken = w.broken || err != nil
	return n, err
}

// ReadFrom keeps the way open for sendfile.
func (w *recorder) ReadFrom(src io.Reader) (int64, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := io.Copy(w.ResponseWriter, src)
	w.bytes += n
	// The error may be the source's; these are the client's.
	w.broken = w.broken || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed)
	return n, err
}

// Unwrap serves http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
