package wire

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// patientBody is a request's body that may come as slowly as it likes, but must not stop: a read that waits for longer
// than patience fails with os.ErrDeadlineExceeded.
type patientBody struct {
	io.ReadCloser
	conn     *http.ResponseController
	patience time.Duration
	armed    time.Time // when the deadline was last put off
}

// Read reads the body. At its end the deadline is gone: it would end the request that is being worked on.
func (b *patientBody) Read(p []byte) (int, error) {
	if now := time.Now(); now.Sub(b.armed) > b.patience/16 { // each call of the system counts
		b.armed = now
		_ = b.conn.SetReadDeadline(now.Add(b.patience)) // a writer that knows none has no connection
	}
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}
