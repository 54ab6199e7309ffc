package logs

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"flowlake/fault"
)

// binding makes and reads the paging tokens of one request: a token of another request, another
// store or somebody's own making is refused. A token says where to go on, and grants nothing.
type binding struct {
	secret  []byte
	request []byte
}

const macBytes = 10

// bind returns the binding of a request: its operation, and whatever must be the same on every page.
func (s *Store) bind(operation string, parts ...string) binding {
	h := sha256.New()
	for _, p := range append([]string{operation}, parts...) {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(p)))
		h.Write(size[:])
		h.Write([]byte(p))
	}
	return binding{secret: s.secret, request: h.Sum(nil)}
}

func (b binding) sign(payload []byte) []byte {
	mac := hmac.New(sha256.New, b.secret)
	mac.Write(b.request)
	mac.Write(payload)
	return mac.Sum(nil)[:macBytes]
}

// positionToken seals a place in time order and a name.
func (b binding) positionToken(p position, name string) string {
	payload := make([]byte, 16, 16+len(name)+macBytes)
	binary.BigEndian.PutUint64(payload, uint64(p.time))
	binary.BigEndian.PutUint64(payload[8:], p.sequence)
	payload = append(payload, name...)
	return base64.RawURLEncoding.EncodeToString(append(payload, b.sign(payload)...))
}

// position opens a token. It returns fault.Invalid for one that was not made for this request.
func (b binding) position(token string) (position, string, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) < 16+macBytes {
		return position{}, "", badToken()
	}
	payload, mac := raw[:len(raw)-macBytes], raw[len(raw)-macBytes:]
	if !hmac.Equal(mac, b.sign(payload)) {
		return position{}, "", badToken()
	}
	return position{int64(binary.BigEndian.Uint64(payload)), binary.BigEndian.Uint64(payload[8:])}, string(payload[16:]), nil
}

func (b binding) nameToken(name string) string { return b.positionToken(position{}, name) }

// name opens a token of nameToken; no token is no name.
func (b binding) name(token string) (string, error) {
	if token == "" {
		return "", nil
	}
	_, name, err := b.position(token)
	return name, err
}

func badToken() error {
	return fault.Newf(fault.Invalid, "token", "The specified nextToken is invalid.")
}

// prepare checks the format of the events' store, and makes what a new one needs.
func (s *Store) prepare(dir string) error {
	v, found, err := s.get(key(0, kindFormat))
	if err != nil {
		return err
	}
	if found {
		var version uint64
		if err := readNumbers("log format", v, &version); err != nil {
			return err
		}
		if version > formatVersion {
			return fault.Newf(fault.Conflict, "log events in "+dir,
				"their data is of version %d, this program knows up to %d: use the newer flowlake", version, formatVersion)
		}
		s.secret, _, err = s.get(key(0, kindSecret))
		return err
	}
	s.secret = make([]byte, 32)
	rand.Read(s.secret)
	b := s.db.NewBatch()
	defer b.Close()
	return errors.Join(
		b.Set(key(0, kindFormat), appendNumbers(nil, formatVersion), nil),
		b.Set(key(0, kindSecret), s.secret, nil),
		b.Commit(pebble.Sync))
}
