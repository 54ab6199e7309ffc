//go:build isal && cgo

package inflate

/*
#cgo pkg-config: libisal
#include <isa-l/igzip_lib.h>
#include <stdlib.h>

typedef struct { int code; int finished; unsigned int in_left; unsigned int out_left; } step_result;

// step keeps no pointer of Go's when it returns.
static step_result step(struct inflate_state *s, unsigned char *in, unsigned int n, unsigned char *out, unsigned int m) {
	step_result r;
	s->next_in = in; s->avail_in = n;
	s->next_out = out; s->avail_out = m;
	r.code = isal_inflate(s);
	r.finished = s->block_state == ISAL_BLOCK_FINISH;
	r.in_left = s->avail_in; r.out_left = s->avail_out;
	s->next_in = NULL; s->next_out = NULL; s->avail_in = 0; s->avail_out = 0;
	return r;
}

static void start(struct inflate_state *s) {
	isal_inflate_init(s);
	s->crc_flag = ISAL_GZIP_NO_HDR_VER; // the header was read, the trailer is checked
}
*/
import "C"

import (
	"bufio"
	"fmt"
	"io"
	"runtime"
	"unsafe"
)

const linked = "isal"

// isalBody inflates with ISA-L.
type isalBody struct {
	in    *bufio.Reader
	state *C.struct_inflate_state
	free  runtime.Cleanup
}

func newBody(in *bufio.Reader) body {
	b := &isalBody{in: in, state: (*C.struct_inflate_state)(C.malloc(C.size_t(unsafe.Sizeof(C.struct_inflate_state{}))))}
	b.free = runtime.AddCleanup(b, func(s *C.struct_inflate_state) { C.free(unsafe.Pointer(s)) }, b.state)
	return b
}

func (b *isalBody) begin() { C.start(b.state) }

func (b *isalBody) read(p []byte) (int, error) {
	p = p[:min(len(p), 1<<30)]
	for {
		_, err := b.in.Peek(1)
		src, _ := b.in.Peek(b.in.Buffered())
		from := (*C.uchar)(unsafe.SliceData(src))
		r := C.step(b.state, from, C.uint(len(src)), (*C.uchar)(unsafe.SliceData(p)), C.uint(len(p)))
		b.in.Discard(len(src) - int(r.in_left)) // what is buffered
		n := len(p) - int(r.out_left)
		switch {
		case r.code == C.ISAL_INCORRECT_CHECKSUM:
			return n, errChecksum
		case r.code < 0:
			return n, fmt.Errorf("ISA-L says %d", int(r.code))
		case r.finished != 0:
			return n, io.EOF
		case n > 0:
			return n, nil
		case len(src) == 0:
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
	}
}

func (b *isalBody) close() {
	if b.state != nil {
		b.free.Stop()
		C.free(unsafe.Pointer(b.state))
		b.state = nil
	}
}
