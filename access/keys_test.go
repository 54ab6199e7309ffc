package access

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"flowlake/fault"
)

func TestOpenKeys(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config", "flowlake", "credentials")
	keys, err := OpenKeys(file, "123456789012")
	if err != nil {
		t.Fatal(err)
	}
	root := keys.Root()

	t.Run("makes a key that looks like AWS's, for its owner alone", func(t *testing.T) {
		if !regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`).MatchString(root.ID) || len(root.Secret) != 40 {
			t.Errorf("got %s with a secret of %d characters", root.ID, len(root.Secret))
		}
		for path, want := range map[string]os.FileMode{file: 0o600, filepath.Dir(file): 0o700} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
				t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
			}
		}
		if entries, _ := os.ReadDir(filepath.Dir(file)); len(entries) != 1 {
			t.Errorf("left behind: %v", entries)
		}
	})
	t.Run("finds it again", func(t *testing.T) {
		again, err := OpenKeys(file, "123456789012")
		if err != nil || again.Root() != root {
			t.Errorf("got %v, %v, want %v", again.Root(), err, root)
		}
		key, ok := again.Lookup(root.ID, "")
		if !ok || !key.Caller.IsRoot() {
			t.Errorf("Lookup got %v, %v", key, ok)
		}
		if _, ok := again.Lookup("AKIAQQQQQQQQQQQQQQQQ", ""); ok {
			t.Error("a key that is not there was found")
		}
	})
	t.Run("the secret is not printed", func(t *testing.T) {
		asJSON, _ := json.Marshal(map[string]any{"key": root})
		for _, text := range []string{fmt.Sprint(root), fmt.Sprintf("%+v %#v %s %q %d", root, root, root, root, &root), string(asJSON)} {
			if strings.Contains(text, root.Secret) || !strings.Contains(text, root.ID) {
				t.Errorf("got %s", text)
			}
		}
	})
	t.Run("several that start at once agree", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "new", "credentials")
		var wg sync.WaitGroup
		ids := make([]string, 16)
		for i := range ids {
			wg.Go(func() {
				keys, err := OpenKeys(file, "123456789012")
				if err != nil {
					t.Error(err)
					return
				}
				ids[i] = keys.Root().ID + keys.Root().Secret
			})
		}
		wg.Wait()
		for _, id := range ids {
			if id != ids[0] {
				t.Fatal("they have different keys")
			}
		}
	})
	t.Run("reads a file that people wrote", func(t *testing.T) {
		file := write(t, "[other]\naws_access_key_id=AKIAOTHEROTHEROTHERO\naws_secret_access_key=othersecretothersecret\n\n; mine\n[ default ]\r\nAWS_ACCESS_KEY_ID=AKIAMINEMINEMINEMINE\r\naws_secret_access_key = with=equals+and/slashes==\nregion = x\n", 0o600)
		keys, err := OpenKeys(file, "123456789012")
		if err != nil {
			t.Fatal(err)
		}
		if root := keys.Root(); root.ID != "AKIAMINEMINEMINEMINE" || root.Secret != "with=equals+and/slashes==" {
			t.Errorf("got %s", root.ID)
		}
	})
}

func write(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestOpenKeysRefuses(t *testing.T) {
	const secret = "averysecretsecret"
	good := "[default]\naws_access_key_id = AKIAMINEMINEMINEMINE\naws_secret_access_key = " + secret + "\n"
	for _, tt := range []struct {
		name, text string
		mode       os.FileMode
		want       string
	}{
		{"a file that the group may read", good, 0o640, "chmod 600"},
		{"a file that everyone may read", good, 0o604, "chmod 600"},
		{"an empty file", "", 0o600, "has no aws_access_key_id"},
		{"a key of another profile", strings.Replace(good, "default", "other", 1), 0o600, "has no aws_access_key_id"},
		{"a commented key", strings.Replace(good, "aws_secret", "#aws_secret", 1), 0o600, "has no aws_access_key_id"},
		{"an id with a slash", strings.Replace(good, "AKIAMINE", "AKIA/INE", 1), 0o600, "letters and digits"},
		{"a short id", strings.Replace(good, "MINEMINE", "", 1), 0o600, "letters and digits"},
		{"a short secret", strings.Replace(good, "secretsecret", "secret", 1), 0o600, "shorter"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := write(t, tt.text, tt.mode)
			_, err := OpenKeys(file, "123456789012")
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), file) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "averysecret") {
				t.Errorf("%v shows the secret", err)
			}
		})
	}
	t.Run("a folder in which others may write", func(t *testing.T) {
		file := write(t, good, 0o600)
		if err := os.Chmod(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenKeys(file, "123456789012"); !fault.Is(err, fault.Invalid) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a link to nothing", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "credentials")
		if err := os.Symlink(filepath.Join(t.TempDir(), "gone"), file); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenKeys(file, "123456789012"); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), file) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a link to a file that others may read", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "credentials")
		if err := os.Symlink(write(t, good, 0o644), file); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenKeys(file, "123456789012"); !fault.Is(err, fault.Invalid) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a folder", func(t *testing.T) {
		if _, err := OpenKeys(t.TempDir(), "123456789012"); !fault.Is(err, fault.Invalid) {
			t.Errorf("got %v", err)
		}
	})
}
