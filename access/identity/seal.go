package identity

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"flowlake/fault"
)

// Seal seals small secrets with a key from a file: AES-256-GCM, so that what was changed does not open, under the key's
// id, so that what another key sealed is told from what was changed. No verb of fmt shows anything of it.
type Seal struct {
	id   [sealIDSize]byte
	aead cipher.AEAD // prepends its nonce
}

const (
	sealVersion = 1
	sealIDSize  = 8
	sealHeader  = 1 + sealIDSize
	sealKeySize = 32
	maxSealFile = 4 << 10
)

// OpenSeal reads the key file, which lies outside the data folder. Where there is none it makes a key, and the file: 0600,
// in a folder of 0700, whole or not at all. Of several processes that start at once one makes it and all use it.
//
// It returns fault.Invalid for a file that others may read or that holds no key, naming the file and never the key.
func OpenSeal(file string) (*Seal, error) {
	key, err := readKeyFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeKeyFile(file); err != nil {
			return nil, fault.Newf(fault.Unavailable, "key file "+file, "cannot be made: %w", err)
		}
		if key, err = readKeyFile(file); errors.Is(err, fs.ErrNotExist) {
			err = fault.Newf(fault.Invalid, "key file "+file, "is a link to nothing")
		}
	}
	if err != nil {
		return nil, err
	}
	return newSeal(key)
}

func newSeal(key []byte) (*Seal, error) {
	id, err := hkdf.Key(sha256.New, key, nil, "flowlake seal: id", sealIDSize)
	if err != nil {
		return nil, err
	}
	sub, err := hkdf.Key(sha256.New, key, nil, "flowlake seal: aes-256-gcm", sealKeySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(sub)
	if err != nil {
		return nil, err
	}
	s := &Seal{id: [sealIDSize]byte(id)}
	s.aead, err = cipher.NewGCMWithRandomNonce(block)
	return s, err
}

// Seal seals a secret for a purpose ("access key AKIA…"): it opens for the same purpose alone.
func (s *Seal) Seal(purpose string, secret []byte) []byte {
	out := append([]byte{sealVersion}, s.id[:]...)
	return s.aead.Seal(out, nil, secret, s.bound(purpose))
}

// Open opens what Seal sealed. It returns fault.Conflict for what another key sealed, and fault.Invalid for what was
// changed or was sealed for another purpose.
func (s *Seal) Open(purpose string, sealed []byte) ([]byte, error) {
	if len(sealed) < sealHeader || sealed[0] != sealVersion {
		return nil, fault.Newf(fault.Invalid, "sealed secret", "is not one")
	}
	if !s.Made(sealed) {
		return nil, fault.Newf(fault.Conflict, "sealed secret", "was sealed with another key")
	}
	secret, err := s.aead.Open(nil, nil, sealed[sealHeader:], s.bound(purpose))
	if err != nil {
		return nil, fault.Newf(fault.Invalid, "sealed secret", "was changed")
	}
	return secret, nil
}

// Made reports whether this key, and no other, sealed it.
func (s *Seal) Made(sealed []byte) bool {
	return len(sealed) >= sealHeader && bytes.Equal(sealed[1:sealHeader], s.id[:])
}

// bound is the data that a seal is bound to besides its secret.
func (s *Seal) bound(purpose string) []byte {
	return append(append([]byte{sealVersion}, s.id[:]...), purpose...)
}

// Format shows nothing.
func (s *Seal) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("seal")) }

// MarshalText shows nothing.
func (s *Seal) MarshalText() ([]byte, error) { return []byte("seal"), nil }

func readKeyFile(file string) ([]byte, error) {
	subject := "key file " + file
	text, err := ReadSecretFile(file, subject, "a key file", maxSealFile)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if key, err := base64.StdEncoding.DecodeString(line); err == nil && len(key) == sealKeySize {
			return key, nil
		}
		break
	}
	return nil, fault.Newf(fault.Invalid, subject, "holds no key: a line of %d bytes in base64", sealKeySize)
}

func makeKeyFile(file string) error {
	key := make([]byte, sealKeySize)
	rand.Read(key)
	return MakeSecretFile(file, "# Seals the secrets of a flowlake server. Without it they are lost, and new ones must be made; data is not.\n"+
		base64.StdEncoding.EncodeToString(key)+"\n")
}
