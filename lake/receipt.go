package lake

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"flowlake/access"
	"flowlake/fault"
)

// Receipt says how far a piece of work that commits again and again has come. Commit writes it in the batch that
// publishes the work's objects: it is there exactly when they are. Who was killed around a Commit asks for the receipt
// at the next start, and knows whether to do the work again.
//
// Names belong to the caller's account. A name's numbers ascend: a Commit with one that is not above the number kept
// is refused with fault.Exists about "receipt", and changes nothing, so that no work is committed twice.
type Receipt struct {
	Name   string // 1 to 1,024 bytes without 00: "delivery/<stream id>"
	Number uint64
}

func (r Receipt) check() error {
	const most = 1024
	if len(r.Name) == 0 || len(r.Name) > most {
		return fault.Newf(fault.Invalid, "receipt", "its name has %d bytes; 1 to %d are allowed", len(r.Name), most)
	}
	for i := range len(r.Name) {
		if r.Name[i] == 0 {
			return fault.Newf(fault.Invalid, "receipt", "its name holds a zero byte")
		}
	}
	return nil
}

func receiptKey(account, name string) []byte {
	b := make([]byte, 0, 2+len(account)+len(name))
	b = append(b, keyReceipt)
	b = append(b, account...)
	b = append(b, 0)
	return append(b, name...)
}

// Receipt returns the number that the last Commit with that name wrote. It asks no guard: a receipt is a room's own
// note, which no door shows.
func (s *Store) Receipt(ctx context.Context, c access.Caller, name string) (number uint64, found bool, err error) {
	if err := (Receipt{Name: name}).check(); err != nil {
		return 0, false, err
	}
	return s.receipt(receiptKey(c.Account, name))
}

func (s *Store) receipt(key []byte) (number uint64, found bool, err error) {
	v, closer, err := s.index.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, failed("object index", err)
	}
	defer closer.Close()
	if len(v) != 8 {
		return 0, false, fault.Newf(fault.Internal, "receipt "+string(key[1:]), "%w", errEntry)
	}
	return binary.BigEndian.Uint64(v), true, nil
}

// Forget takes a receipt away, durably, when its work is over for good. To forget what is not there is no error.
func (s *Store) Forget(ctx context.Context, c access.Caller, name string) error {
	if err := (Receipt{Name: name}).check(); err != nil {
		return err
	}
	key := receiptKey(c.Account, name)
	return s.apply(commit{locks: [][]byte{key}, prepare: func(b *pebble.Batch) ([]segment, error) {
		_, found, err := s.receipt(key)
		if err == nil && found {
			err = b.Delete(key, nil)
		}
		return nil, err
	}})
}

// receipts is the part of a commit that writes them.
func (s *Store) receipts(m *commit, account string, receipts []Receipt) error {
	if len(receipts) == 0 {
		return nil
	}
	seen := make(map[string]bool, len(receipts))
	for _, r := range receipts {
		if err := r.check(); err != nil {
			return err
		}
		if seen[r.Name] {
			return fault.Newf(fault.Invalid, "receipt "+r.Name, "occurs twice in one commit")
		}
		seen[r.Name] = true
		m.locks = append(m.locks, receiptKey(account, r.Name))
	}
	m.prepare = func(b *pebble.Batch) ([]segment, error) {
		for i, r := range receipts {
			kept, found, err := s.receipt(m.locks[i])
			if err != nil {
				return nil, err
			}
			if found && r.Number <= kept {
				return nil, fault.Newf(fault.Exists, "receipt "+r.Name, "was written up to number %d already, this is %d", kept, r.Number)
			}
			if err := b.Set(m.locks[i], binary.BigEndian.AppendUint64(nil, r.Number), nil); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}
	return nil
}
