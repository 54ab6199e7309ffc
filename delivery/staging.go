package delivery

import (
	"bufio"
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/lake"
)

// staging is what stands behind a batch's Output.
type staging struct {
	store *Store
	line  *line
	batch uint64
	keys  map[string]bool // bucket and key of each object

	mu         sync.Mutex // guards all below
	open       []*object
	partitions []NewPartition

	refused atomic.Bool // the lake or the queue's disk was an obstacle
}

// object is one that is being written: what is written goes through a pipe into the lake.
type object struct {
	url    string
	buffer *bufio.Writer
	pipe   *io.PipeWriter
	closed bool
	done   chan struct{}
	staged *lake.Staged // once done is closed; nil beside err
	err    error
}

// pieces gather small writes: a pipe hands each on by itself.
var pieces = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 64<<10) }}

func (st *staging) create(ctx context.Context, as access.Caller, in lake.PutInput) (io.WriteCloser, error) {
	url := lake.URL(in.Bucket, in.Key)
	if st.keys[url] {
		return nil, fault.Newf(fault.Internal, "object "+url, "occurs twice in one batch")
	}
	st.keys[url] = true
	r, w := io.Pipe()
	in.Body, in.Size = r, -1
	o := &object{url: url, pipe: w, buffer: pieces.Get().(*bufio.Writer), done: make(chan struct{})}
	o.buffer.Reset(w)
	st.mu.Lock()
	st.open = append(st.open, o)
	st.mu.Unlock()
	go func() {
		defer close(o.done)
		o.staged, o.err = st.store.lake.Stage(ctx, as, in)
		if o.err != nil {
			if !fault.Is(o.err, fault.Invalid) && !fault.Is(o.err, fault.TooLarge) { // those are the object's own
				st.refused.Store(true)
			}
			r.CloseWithError(o.err) // the writer learns of it at its next write
		}
	}()
	return o, nil
}

// Write hands p on.
func (o *object) Write(p []byte) (int, error) {
	if o.closed {
		return 0, fault.Newf(fault.Internal, "object "+o.url, "is written to after its end")
	}
	return o.buffer.Write(p)
}

// Close ends the object and returns once its bytes are durable.
func (o *object) Close() error {
	if o.closed {
		return nil
	}
	o.closed = true
	err := o.buffer.Flush()
	o.release()
	if err != nil {
		o.pipe.CloseWithError(err)
	} else {
		o.pipe.Close()
	}
	<-o.done
	if o.err != nil {
		return o.err
	}
	return err
}

func (o *object) release() {
	o.buffer.Reset(nil)
	pieces.Put(o.buffer)
	o.buffer = nil
}

var errGivenUp = errors.New("the batch was given up")

// discard gives up what was not committed. After a commit it does nothing.
func (st *staging) discard() {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, o := range st.open {
		if !o.closed {
			o.closed = true
			o.pipe.CloseWithError(errGivenUp)
			o.release()
		}
		<-o.done
		if o.staged != nil {
			o.staged.Discard()
		}
	}
}

// finished refuses a batch with an object that has no end.
func (st *staging) finished() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, o := range st.open {
		if !o.closed {
			return fault.Newf(fault.Internal, "object "+o.url, "was not closed by its writer")
		}
		if o.err != nil {
			return o.err
		}
	}
	return nil
}

// objects returns what is to be committed, and its size in bytes.
func (st *staging) objects() (adds []*lake.Staged, size int64) {
	for _, o := range st.open {
		adds = append(adds, o.staged)
		size += o.staged.Object().Size
	}
	return adds, size
}

func (st *staging) partition(p NewPartition) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.partitions = append(st.partitions, p)
}

func (st *staging) keep(_ context.Context, name string, do func() ([]byte, error)) (v []byte, err error) {
	k := keptKey(st.line.id, st.batch, name)
	v, found, err := st.store.value(k)
	if err == nil && !found {
		if v, err = do(); err != nil {
			return nil, err
		}
		err = st.store.keep(st.line, k, v)
	}
	if err != nil {
		st.refused.Store(true)
		return nil, err
	}
	return v, nil
}

// keep stores what a transform returned.
func (s *Store) keep(l *line, k, v []byte) error {
	if err := s.space.check(s.fs, s.cfg.Dir, s.cfg.ReserveBytes/2); err != nil {
		return err
	}
	b := s.db.NewBatchWithSize(len(v) + 256)
	return l.commit(s, b, func(*ledger) error { return b.Set(k, v, nil) })
}
