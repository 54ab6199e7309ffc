package access

import (
	"time"
)

// Key is an access key with what it stands for.
type Key struct {
	ID      string
	Secret  string
	Token   string    // a session's token, which must come with each request; "" for a long-term key
	Expires time.Time // a session's end; zero for a long-term key
	Caller  Caller    // who the key speaks for, without a region
}

// String shows the id alone, so that no log prints a secret.
func (k Key) String() string { return "key " + k.ID }

// GoString is String.
func (k Key) GoString() string { return k.String() }

// Keys finds access keys by id. Root's key lies in an AWS shared-credentials file.
type Keys struct {
	root Key
}

// Root returns root's key.
func (k *Keys) Root() Key { return k.root }

// Lookup finds a key by its id.
func (k *Keys) Lookup(id string) (Key, bool) {
	return k.root, id == k.root.ID
}

// OpenKeys reads root's key from credentialsFile ([default] of an AWS shared-credentials file), and makes key and file
// where there is none.
func OpenKeys(credentialsFile, account string) (*Keys, error) {
	return nil, nil
}
