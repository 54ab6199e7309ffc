package s3

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"flowlake/aws/wire"
)

const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// document writes an answer's XML.
type document struct{ bytes.Buffer }

func newDocument(root string) *document {
	d := &document{}
	d.WriteString(xml.Header)
	d.WriteString("<" + root + ` xmlns="` + namespace + `">`)
	return d
}

func (d *document) open(name string)  { d.WriteString("<" + name + ">") }
func (d *document) close(name string) { d.WriteString("</" + name + ">") }

// text writes an element with text.
func (d *document) text(name, value string) {
	d.open(name)
	d.escape(value)
	d.close(name)
}

// some writes an element unless its text is empty.
func (d *document) some(name, value string) {
	if value != "" {
		d.text(name, value)
	}
}

func (d *document) number(name string, n int64) { d.text(name, strconv.FormatInt(n, 10)) }
func (d *document) flag(name string, b bool)    { d.text(name, strconv.FormatBool(b)) }
func (d *document) time(name string, t time.Time) {
	d.text(name, t.UTC().Format("2006-01-02T15:04:05.000Z"))
}
func (d *document) etag(tag string) { d.text("ETag", `"`+tag+`"`) }

// escape writes character data. What XML 1.0 cannot carry is written as a reference all the same, as S3 does: encoding-type=url
// is for clients that cannot read that.
func (d *document) escape(s string) {
	for i, r := range s {
		switch {
		case r == '&':
			d.WriteString("&amp;")
		case r == '<':
			d.WriteString("&lt;")
		case r == '>':
			d.WriteString("&gt;")
		case r == '"':
			d.WriteString("&quot;")
		case r < ' ' || r == 0x7f || r == 0xfffe || r == 0xffff:
			d.WriteString("&#x" + strconv.FormatInt(int64(r), 16) + ";")
		case r == utf8.RuneError:
			d.WriteString("\uFFFD")
		default:
			d.WriteString(s[i : i+utf8.RuneLen(r)])
		}
	}
}

// send ends the root element and writes the answer.
func (d *document) send(w http.ResponseWriter, root string) error {
	d.close(root)
	h := w.Header()
	h.Set("Content-Type", "application/xml")
	h.Set("Content-Length", strconv.Itoa(d.Len()))
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(d.Bytes())
	return err
}

// element is an element of a request's body.
type element struct {
	name     string
	text     strings.Builder
	children []*element
}

func malformed() error {
	return &wire.Error{Code: "MalformedXML", Message: "The XML you provided was not well-formed or did not validate against our published schema"}
}

// readXML reads a body whose root has that name, at most maxElements elements and five levels deep. Namespaces are
// passed over; processing instructions but the first, doctypes and text beside elements are refused. An empty body gives nil.
func readXML(body io.Reader, root string, maxElements int) (*element, error) {
	data, err := io.ReadAll(body) // wire has bounded it, and verifies it at its end
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, nil
	}
	dec := xml.NewDecoder(bytes.NewReader(data))
	top := &element{}
	stack := []*element{top}
	for n := 0; ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, malformed()
		}
		at := stack[len(stack)-1]
		switch t := token.(type) {
		case xml.StartElement:
			if n++; n > maxElements || len(stack) > 5 {
				return nil, malformed()
			}
			e := &element{name: t.Name.Local}
			at.children = append(at.children, e)
			stack = append(stack, e)
		case xml.EndElement:
			if len(at.children) > 0 && strings.TrimSpace(at.text.String()) != "" {
				return nil, malformed()
			}
			stack = stack[:len(stack)-1]
		case xml.CharData:
			at.text.Write(t)
		case xml.Directive:
			return nil, malformed()
		}
	}
	if len(top.children) != 1 || top.children[0].name != root || strings.TrimSpace(top.text.String()) != "" {
		return nil, malformed()
	}
	return top.children[0], nil
}

// fields hands each child to its reader by name. A child that has none is refused, as is one that
// occurs twice and is not among many.
func (e *element) fields(read map[string]func(*element) error, many ...string) error {
	seen := map[string]bool{}
	for _, c := range e.children {
		f := read[c.name]
		if f == nil {
			return &wire.Error{Code: "MalformedXML", Message: "flowlake does not support the element " + e.name + "." + c.name}
		}
		if seen[c.name] && !slices.Contains(many, c.name) {
			return malformed()
		}
		seen[c.name] = true
		if err := f(c); err != nil {
			return err
		}
	}
	return nil
}

// into returns a reader of an element that holds text alone.
func into(to *string) func(*element) error {
	return func(e *element) error {
		if len(e.children) > 0 {
			return malformed()
		}
		*to = e.text.String()
		return nil
	}
}
