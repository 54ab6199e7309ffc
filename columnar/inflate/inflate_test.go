package inflate

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"flowlake/fault"
)

// both are the implementations that this build has; they are the same one without a library.
var both = map[string]func(string, io.Reader) io.ReadCloser{
	"go":     NewGoReader,
	"linked": func(name string, r io.Reader) io.ReadCloser { rc, _ := NewReader(name, r); return rc },
}

func zip(t testing.TB, level int, parts ...[]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, p := range parts {
		w, err := gzip.NewWriterLevel(&out, level)
		if err != nil {
			t.Fatal(err)
		}
		w.Name = "flows.log"
		w.Write(p)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func text(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for b.Len() < n {
		b.WriteString(strings.Repeat("2 123456789010 eni-1235b8ca123456789 172.31.16.", rng.IntN(3)))
		b.WriteByte(byte(rng.Uint32()))
	}
	return b.Bytes()[:n]
}

func TestReader(t *testing.T) {
	long := text(1 << 20)
	for name, open := range both {
		t.Run(name, func(t *testing.T) {
			read := func(raw []byte) (string, error) {
				r := open("flows.gz", bytes.NewReader(raw))
				defer r.Close()
				b, err := io.ReadAll(r)
				return string(b), err
			}
			for _, row := range []struct {
				name string
				raw  []byte
				want string
			}{
				{"an_empty_file", nil, ""},
				{"an_empty_member", zip(t, 6, nil), ""},
				{"a_member", zip(t, 6, []byte("abc")), "abc"},
				{"a_long_one", zip(t, 6, long), string(long)},
				{"one_that_is_stored", zip(t, 0, long), string(long)},
				{"several_members", zip(t, 1, []byte("abc"), nil, long, []byte("d")), "abc" + string(long) + "d"},
				{"zeros_behind", append(zip(t, 6, []byte("abc")), make([]byte, 70000)...), "abc"},
			} {
				t.Run("reads_"+row.name, func(t *testing.T) {
					if got, err := read(row.raw); err != nil || got != row.want {
						t.Errorf("%d bytes, %v, want %d bytes", len(got), err, len(row.want))
					}
				})
				t.Run("reads_"+row.name+"_byte_by_byte", func(t *testing.T) {
					r := open("flows.gz", iotest.OneByteReader(bytes.NewReader(row.raw[:min(len(row.raw), 200000)])))
					defer r.Close()
					small := make([]byte, 7)
					for range 5000 {
						if _, err := r.Read(small); err != nil {
							break
						}
					}
				})
			}
			whole := zip(t, 6, long)
			for _, row := range []struct {
				name string
				raw  []byte
				want string
			}{
				{"what_is_no_gzip", []byte("2 1234"), "does not begin as gzip"},
				{"half_a_file", whole[:len(whole)/2], "ends too soon"},
				{"a_missing_trailer", whole[:len(whole)-5], "ends too soon"},
				{"a_header_alone", whole[:12], "ends too soon"},
				{"another_method", append([]byte{0x1F, 0x8B, 7}, whole[3:]...), "method is not deflate"},
				{"a_wrong_checksum", append(append([]byte(nil), whole[:len(whole)-8]...), 1, 2, 3, 4, 0, 0, 16, 0), "checksum"},
				{"what_follows_a_member", append(zip(t, 6, []byte("abc")), "more"...), "no gzip member"},
				{"reserved_blocks", append(append([]byte(nil), whole[:20]...), bytes.Repeat([]byte{0xFF}, 40)...), "gzip data"},
			} {
				t.Run("refuses_"+row.name, func(t *testing.T) {
					_, err := read(row.raw)
					if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), "flows.gz") || !strings.Contains(err.Error(), "byte") {
						t.Errorf("fails with %v, want %q with file and byte", err, row.want)
					}
				})
			}
			t.Run("gives_what_came_before_the_fault", func(t *testing.T) {
				if got, _ := read(whole[:len(whole)/2]); len(got) < len(long)/4 || !strings.HasPrefix(string(long), got) {
					t.Errorf("%d bytes of %d", len(got), len(long))
				}
			})
			t.Run("what_one_reader_leaves_behind_is_not_the_next_one's", func(t *testing.T) {
				for range 3 {
					half := open("half.gz", bytes.NewReader(whole[:len(whole)/2]))
					io.CopyN(io.Discard, half, 1000)
					half.Close()
					half.Close()
					if n, err := half.Read(make([]byte, 1)); n != 0 || err == nil || err == io.EOF {
						t.Errorf("a closed reader gives %d bytes, %v", n, err)
					}
					a, b := open("a.gz", bytes.NewReader(whole)), open("b.gz", bytes.NewReader(zip(t, 6, []byte("abc"))))
					got, err := io.ReadAll(b)
					if err != nil || string(got) != "abc" {
						t.Errorf("the second gives %d bytes, %v", len(got), err)
					}
					if got, err = io.ReadAll(a); err != nil || !bytes.Equal(got, long) {
						t.Errorf("the first gives %d bytes, %v", len(got), err)
					}
					a.Close()
					b.Close()
				}
			})
			t.Run("keeps_the_source's_own_error", func(t *testing.T) {
				own := errors.New("disk on fire")
				r := open("flows.gz", io.MultiReader(bytes.NewReader(whole[:1000]), iotest.ErrReader(own)))
				defer r.Close()
				if _, err := io.ReadAll(r); !errors.Is(err, own) || !fault.Is(err, fault.Unavailable) {
					t.Errorf("fails with %v", err)
				}
			})
		})
	}
}

func FuzzReader(f *testing.F) {
	f.Add(zip(f, 6, []byte("abc")))
	f.Add(zip(f, 0, text(300), nil, []byte("x")))
	f.Add(append(zip(f, 9, text(3000)), 0, 0, 0))
	f.Add([]byte{0x1F, 0x8B, 8, 0x1F, 0, 0, 0, 0, 0, 0, 1, 0, 7})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 1<<16 {
			return
		}
		const most = 1 << 20
		var want []byte
		std, stdErr := gzip.NewReader(bytes.NewReader(raw))
		if stdErr == nil {
			want, stdErr = io.ReadAll(io.LimitReader(std, most))
		}
		for name, open := range both {
			r := open("fuzz", bytes.NewReader(raw))
			got, err := io.ReadAll(io.LimitReader(r, most))
			r.Close()
			if err != nil && !fault.Is(err, fault.Invalid) {
				t.Fatalf("%s: %v", name, err)
			}
			if stdErr == nil && (err != nil || !bytes.Equal(got, want)) {
				t.Fatalf("%s: %d bytes, %v; compress/gzip reads %d", name, len(got), err, len(want))
			}
			// What compress/gzip refuses and we read is whole members with zeros behind them.
			if stdErr != nil && err == nil && len(raw) > 0 && !bytes.Equal(got, want) {
				t.Fatalf("%s: read %d bytes where compress/gzip reads %d and then %v", name, len(got), len(want), stdErr)
			}
		}
	})
}

func BenchmarkReader(b *testing.B) {
	plain := text(8 << 20)
	raw := zip(b, 6, plain)
	buf := make([]byte, 256<<10)
	for name, open := range both {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(plain)))
			for b.Loop() {
				r := open("bench", bytes.NewReader(raw))
				for {
					if _, err := r.Read(buf); err != nil {
						break
					}
				}
				r.Close()
			}
		})
	}
}
