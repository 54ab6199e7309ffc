package wire

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"flowlake/access"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"
)

// Sender sends one event of an answer that is a stream of them, and returns once it is on its way. event is one of the row's;
// v is of the type that the row gives for it, or a pointer to it. An error means that the client is gone.
type Sender func(event string, v any) error

// Events makes a row, of a JSON11 service, whose answer is an event stream: do sends events until it is done, the client is gone, or
// the server stops, which both end ctx. events are the SDK's struct for each event's name.
//
// An error before the first event is answered as any operation's; one after it is sent as the stream's last message, an
// exception, unless ctx has ended. The answer's headers go out with the first event: send one at once.
//
// Source: Smithy, "Amazon Event Stream specification"
func Events[In any](name string, row Row[In], events map[string]any, do func(ctx context.Context, c access.Caller, in *In, requestID string, send Sender) error) Operation {
	op := Op(name, row, func(context.Context, access.Caller, *In) (*struct{}, error) { return nil, nil })
	op.events = map[string]reflect.Type{}
	for event, v := range events {
		op.events[event] = reflect.TypeOf(v)
	}
	op.stream = func(ctx context.Context, c access.Caller, in any, requestID string, send Sender) error {
		return do(ctx, c, in.(*In), requestID, send)
	}
	return op
}

// EndStreams ends the event streams under way, and those to come at once: a server that stops calls it, lest it waits for them.
func (s *Server) EndStreams() { s.endStreams() }

// serveEvents does a typed operation whose answer is an event stream.
func (x *exchange) serveEvents(p *proof, in any) error {
	ctx, err := x.authorise(p, in)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(x.streams, cancel)()
	out := eventWriter{x: x, encoder: eventstream.NewEncoder(), conn: http.NewResponseController(&x.w)}
	err = x.operation.stream(ctx, p.caller, in, x.requestID, out.send)
	if !out.begun {
		if err == nil {
			return out.begin() // a stream of no events
		}
		return err
	}
	if err == nil || ctx.Err() != nil || x.w.broken {
		return nil
	}
	return out.fail(err)
}

// settle is how long the answer's first byte is held back. Go's SDK closes a request's body as soon as the answer begins, and
// its transport gives the connection up when it had not yet looked for that body's end: on loopback, some 1 in 24 streams
// under load broke so before their first event.
const settle = 100 * time.Millisecond

// eventWriter writes the messages of one stream.
type eventWriter struct {
	x       *exchange
	encoder *eventstream.Encoder
	conn    *http.ResponseController
	begun   bool
}

// begin writes the headers and the message that stands for the operation's output.
func (w *eventWriter) begin() error {
	w.begun = true
	time.Sleep(settle)
	w.x.identify()
	w.x.w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	w.x.w.WriteHeader(http.StatusOK)
	return w.message(eventstreamapi.EventMessageType, eventstreamapi.EventTypeHeader, "initial-response", []byte("{}"))
}

func (w *eventWriter) send(event string, v any) error {
	value := reflect.ValueOf(v)
	if value.Kind() == reflect.Pointer {
		value = value.Elem()
	}
	s := w.x.operation.eventShapes[event]
	if s == nil || value.Type() != w.x.operation.events[event] {
		return fmt.Errorf("event %s of %s: %T is not the row's", event, w.x.operation.Name, v)
	}
	payload, err := appendJSON(nil, s, value)
	if err != nil {
		return fmt.Errorf("write event %s: %w", event, err)
	}
	if !w.begun {
		if err := w.begin(); err != nil {
			return err
		}
	}
	return w.message(eventstreamapi.EventMessageType, eventstreamapi.EventTypeHeader, event, payload)
}

// fail ends the stream with an exception, or with an error where it is ours.
func (w *eventWriter) fail(err error) error {
	e := w.x.service.translate(err, false)
	w.x.code = e.Code
	if e.Status >= http.StatusInternalServerError {
		if e.Message == "" {
			e.Message = internalMessage(w.x.requestID)
		}
		w.x.cfg.Log.Error("event stream failed", append(w.x.facts(), "code", e.Code, "err", err)...)
	}
	payload := append(appendQuoted([]byte(`{"message":`), e.Message), '}')
	return w.message(eventstreamapi.ExceptionMessageType, eventstreamapi.ExceptionTypeHeader, e.Code, payload)
}

// message writes one message and sends it on its way. A client that stops reading is a client that is gone, after as long as one
// that stops sending.
func (w *eventWriter) message(kind, header, name string, payload []byte) error {
	_ = w.conn.SetWriteDeadline(time.Now().Add(w.x.patience)) // a writer that knows none has no connection
	m := eventstream.Message{Payload: payload}
	m.Headers.Set(eventstreamapi.MessageTypeHeader, eventstream.StringValue(kind))
	m.Headers.Set(header, eventstream.StringValue(name))
	m.Headers.Set(eventstreamapi.ContentTypeHeader, eventstream.StringValue("application/json"))
	if err := w.encoder.Encode(&w.x.w, m); err != nil {
		return err
	}
	if err := w.conn.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		w.x.w.broken = true
		return err
	}
	return nil
}
