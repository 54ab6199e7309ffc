package backfill

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"strings"

	"flowlake/columnar/inflate"
	"flowlake/fault"
	"flowlake/flow"
)

// sniffed is how much of a file is looked at before it is planned: enough for the longest header line and
// some hundred records behind it.
const (
	sniffed      = 64 << 10
	sniffedLines = 200
)

// Found is what a file turned out to be.
type Found struct {
	Input
	Fields []flow.Field // of its first lines; none for a file without a line
	Headed bool         // it begins with a header line
	Why    string       // why it is not converted; "" when it is
	Quiet  bool         // it is no flow log by design, such as an export's permission test: not worth a word
}

// Sniff looks at a file's first bytes. given is the format of files that have no header line, nil for the
// default one. A format is recognised by a header line of known names or by what the columns hold,
// never by how many they are. It returns an error only where a later attempt may do better.
func Sniff(ctx context.Context, src Source, in Input, given []flow.Field) (Found, error) {
	f := Found{Input: in}
	if path.Base(in.Name) == "aws-logs-write-test" {
		f.Why, f.Quiet = "is what a CloudWatch Logs export leaves to try its permission", true
		return f, nil
	}
	r, err := src.Open(ctx, in, sniffed)
	if err != nil {
		return f.unreadable(ctx, err)
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, sniffed))
	if err != nil {
		return f.unreadable(ctx, err)
	}
	head, why := unzipped(in.Name, raw)
	if why == "" {
		f.Fields, f.Headed, why = recognise(head, int64(len(raw)) < in.Size || len(head) > 0 && len(head) == sniffed, given)
	}
	f.Why = why
	return f, nil
}

// unreadable tells a file that cannot be read, which is left out, from a source that does not answer.
func (f Found) unreadable(ctx context.Context, err error) (Found, error) {
	if left := leftOut(ctx, err); left != "" {
		f.Why = left
		return f, nil
	}
	return f, err
}

// leftOut says why a file is left out because of err, "" when err is not about this file alone.
func leftOut(ctx context.Context, err error) string {
	if ctx.Err() != nil {
		return ""
	}
	switch fault.KindOf(err) {
	case fault.NotFound:
		return "is no longer there"
	case fault.Conflict:
		return "changed since it was listed: run again when it rests"
	case fault.Denied:
		return "may not be read"
	case fault.Invalid, fault.TooLarge, fault.Unsupported:
		if e, ok := errors.AsType[*fault.Error](err); ok && e.Detail != "" {
			return e.Detail
		}
		return err.Error()
	}
	return ""
}

// unzipped returns the first bytes of the text that raw, a file's beginning, holds.
func unzipped(name string, raw []byte) (head []byte, why string) {
	switch {
	case bytes.HasPrefix(raw, []byte("PAR1")):
		return nil, "is a Parquet file already: copy it into a table's location as it is"
	case bytes.HasPrefix(raw, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return nil, "is compressed with Zstandard: unpack it first, text and gzip are read"
	case bytes.HasPrefix(raw, []byte("PK\x03\x04")):
		return nil, "is a ZIP archive: unpack it first, text and gzip are read"
	case bytes.HasPrefix(raw, []byte("BZh")):
		return nil, "is compressed with bzip2: unpack it first, text and gzip are read"
	case !bytes.HasPrefix(raw, []byte{0x1f, 0x8b}):
		return raw, ""
	}
	zr, err := inflate.NewReader(name, bytes.NewReader(raw))
	if err != nil {
		return nil, "its gzip data is corrupt"
	}
	defer zr.Close()
	head = make([]byte, sniffed)
	n, err := io.ReadFull(zr, head)
	if n == 0 && err != io.EOF { // an error further on is the end of what was read
		return nil, "its gzip data is corrupt"
	}
	return head[:n], ""
}

// recognise finds the format of a text that begins with head. cut says that head ends where reading did, not
// where the text does.
func recognise(head []byte, cut bool, given []flow.Field) (fields []flow.Field, headed bool, why string) {
	if i := bytes.LastIndexByte(head, '\n'); cut && i >= 0 {
		head = head[:i+1]
	}
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	lines := 0
	for line := range bytes.SplitSeq(head, []byte{'\n'}) {
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if lines++; lines > sniffedLines {
			break
		}
		_, record, _ := flow.CutExportTimestamp(line)
		if fields, ok := flow.ParseHeader(record); ok && (len(fields) > 1 || lines == 1) {
			return fields, true, ""
		}
		if given != nil {
			if _, err := flow.Parse(given, record); err == nil {
				return given, false, ""
			}
			continue
		}
		if fields, ok := flow.Recognise(record); ok {
			return fields, false, ""
		}
	}
	switch {
	case lines == 0:
		return nil, false, "" // an empty file has no row
	case lines == 1 && strings.HasPrefix(string(head), "Permission Check Successful"):
		return nil, false, "is what a CloudWatch Logs export leaves to try its permission"
	case bytes.IndexByte(head, 0) >= 0:
		return nil, false, "is no text"
	case given != nil:
		return nil, false, "is no flow log: it has no header line, and its first lines do not fit the format that was given"
	}
	return nil, false, "is no flow log of the default format, and it has no header line: give the format of its lines with --format '${version} ${account-id} …'"
}
