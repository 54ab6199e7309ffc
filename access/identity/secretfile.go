package identity

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"flowlake/fault"
)

// ReadSecretFile reads a file of at most limit bytes that only its owner can read, in a folder that only its owner can write to.
// subject is what its errors are about ("key file /…"), form what it is not when it is no regular file of that size ("a key
// file"). It returns fs.ErrNotExist where there is none, and fault.Invalid or fault.Unavailable otherwise.
func ReadSecretFile(file, subject, form string, limit int64) ([]byte, error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, err
	case err != nil:
		return nil, fault.Newf(fault.Unavailable, subject, "cannot be read: %w", err)
	case !info.Mode().IsRegular() || info.Size() > limit:
		return nil, fault.Newf(fault.Invalid, subject, "is not %s", form)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fault.Newf(fault.Invalid, subject, "others than its owner have access to it (mode %04o); run: chmod 600 %s", info.Mode().Perm(), file)
	}
	if dir, err := os.Stat(filepath.Dir(file)); err != nil || dir.Mode().Perm()&0o022 != 0 {
		return nil, fault.Newf(fault.Invalid, subject, "others may write to its folder; run: chmod 700 %s", filepath.Dir(file))
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.Newf(fault.Unavailable, subject, "cannot be read: %w", err)
	}
	return text, nil
}

// MakeSecretFile writes a file of 0600, in a folder of 0700, whole or not at all and never over another: it writes it under a
// temporary name and links it to its own, which only one process can do. The others find the file, which is no error.
func MakeSecretFile(file, text string) error {
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(dir, "."+filepath.Base(file)+"-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.WriteString(text)
	if err == nil {
		err = temp.Sync()
	}
	if closeErr := temp.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if err := os.Link(temp.Name(), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
