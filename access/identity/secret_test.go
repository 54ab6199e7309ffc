package identity

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"flowlake/fault"
	"flowlake/state"
)

func TestOpenSeal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config", "flowlake", "key")
	t.Run("makes one key, whoever comes first", func(t *testing.T) {
		var seals [8]*Seal
		var wg sync.WaitGroup
		for i := range seals {
			wg.Go(func() { seals[i], _ = OpenSeal(file) })
		}
		wg.Wait()
		sealed := seals[0].Seal("x", []byte("secret"))
		for _, s := range seals {
			if got, err := s.Open("x", sealed); err != nil || string(got) != "secret" {
				t.Fatalf("got %q, %v", got, err)
			}
		}
		info, err := os.Stat(file)
		ok(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("mode %04o", info.Mode().Perm())
		}
		left, err := os.ReadDir(filepath.Dir(file))
		ok(t, err)
		if len(left) != 1 {
			t.Errorf("got %v beside the key", left)
		}
	})
	text, err := os.ReadFile(file)
	ok(t, err)
	for name, tc := range map[string]struct {
		text  string
		mode  os.FileMode
		dir   os.FileMode
		words string
	}{
		"others may read it":            {string(text), 0o640, 0o700, "chmod 600"},
		"others may write its folder":   {string(text), 0o600, 0o777, "chmod 700"},
		"it is empty":                   {"", 0o600, 0o700, "holds no key"},
		"the key is short":              {"# k\nQUJD\n", 0o600, 0o700, "holds no key"},
		"it is no base64":               {strings.Repeat("*", 44), 0o600, 0o700, "holds no key"},
		"it is something else and long": {strings.Repeat("A", 5000), 0o600, 0o700, "is not a key file"},
	} {
		t.Run("refuses a file when "+name, func(t *testing.T) {
			bad := filepath.Join(t.TempDir(), "d", "key")
			ok(t, os.Mkdir(filepath.Dir(bad), 0o700))
			ok(t, os.WriteFile(bad, []byte(tc.text), 0o600))
			ok(t, os.Chmod(bad, tc.mode))
			ok(t, os.Chmod(filepath.Dir(bad), tc.dir))
			_, err := OpenSeal(bad)
			wants(t, err, fault.Invalid, tc.words)
			if tc.text != "" && strings.Contains(err.Error(), strings.TrimSpace(tc.text)) {
				t.Errorf("the error shows the file: %v", err)
			}
		})
	}
}

func TestSeal(t *testing.T) {
	one := must(OpenSeal(filepath.Join(t.TempDir(), "c", "key")))(t)
	other := must(OpenSeal(filepath.Join(t.TempDir(), "c", "key")))(t)
	rapid.Check(t, func(rt *rapid.T) {
		secret := rapid.SliceOf(rapid.Byte()).Draw(rt, "secret")
		sealed := one.Seal("purpose", secret)
		if got, err := one.Open("purpose", sealed); err != nil || !bytes.Equal(got, secret) {
			rt.Fatalf("got %v, %v", got, err)
		}
		if _, err := one.Open("purpose 2", sealed); !fault.Is(err, fault.Invalid) {
			rt.Fatalf("it opens for another purpose: %v", err)
		}
		if _, err := other.Open("purpose", sealed); !fault.Is(err, fault.Conflict) {
			rt.Fatalf("another key: %v", err)
		}
		i := rapid.IntRange(0, len(sealed)-1).Draw(rt, "at")
		sealed[i] ^= byte(rapid.IntRange(1, 255).Draw(rt, "bits"))
		if got, err := one.Open("purpose", sealed); err == nil {
			rt.Fatalf("it opens with byte %d changed: %v", i, got)
		}
	})
}

func TestKeys(t *testing.T) {
	s := fresh(t)
	user := must(s.Create(ctx, User, New{Name: "ana"}))(t)
	made, secret, err := s.CreateKey(ctx, "ana")
	ok(t, err)
	t.Run("open what their user signs with", func(t *testing.T) {
		k, found := s.Key(made.ID, "")
		if !found || k.Secret != secret || len(secret) != 40 || k.Principal != user.ARN || k.PrincipalID != user.ID || k.Inactive {
			t.Errorf("got %v", k)
		}
		if got := AccountOf(made.ID); got != account || len(made.ID) != 20 {
			t.Errorf("the id %s says account %s", made.ID, got)
		}
	})
	t.Run("are told when they are inactive", func(t *testing.T) {
		ok(t, s.SetKeyActive(ctx, "ana", made.ID, false))
		if k, found := s.Key(made.ID, ""); !found || !k.Inactive {
			t.Errorf("got %v %v", k, found)
		}
		ok(t, s.SetKeyActive(ctx, "ana", made.ID, true))
		if k, _ := s.Key(made.ID, ""); k.Inactive {
			t.Error("it stays inactive")
		}
	})
	t.Run("are their user's alone", func(t *testing.T) {
		must(s.Create(ctx, User, New{Name: "bob"}))(t)
		wants(t, s.DeleteKey(ctx, "bob", made.ID), fault.NotFound, "The Access Key with id "+made.ID+" cannot be found.")
		wants(t, s.SetKeyActive(ctx, "bob", made.ID, false), fault.NotFound, "")
	})
	t.Run("do not open with a token, nor a token with them", func(t *testing.T) {
		c := must(s.Issue(SessionSpec{Principal: user.ARN, PrincipalID: user.ID, Duration: time.Hour}))(t)
		if _, found := s.Key(made.ID, c.Token); found {
			t.Error("the key is found with a session's token")
		}
		if _, found := s.Key(c.ID, ""); found {
			t.Error("the session is found without its token")
		}
	})
	t.Run("print as their ids", func(t *testing.T) {
		k, _ := s.Key(made.ID, "")
		c := must(s.Issue(SessionSpec{Principal: user.ARN, Duration: time.Hour}))(t)
		text, err := json.Marshal([]any{k, c, s.seal})
		ok(t, err)
		shown := fmt.Sprintf("%v %+v %#v %s %v %+v %v %s", k, k, k, k, c, c, s.seal, text)
		for _, secret := range []string{secret, c.Secret, c.Token} {
			if strings.Contains(shown, secret) {
				t.Errorf("a secret is printed: %s", shown)
			}
		}
	})
}

func TestALostKeyMeansNewSecretsAndNoLostData(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "c", "key")
	s, st := open(t, dir, file)
	must(s.Create(ctx, User, New{Name: "ana", Tags: []Tag{{"k", "v"}}}))(t)
	ok(t, s.PutInline(ctx, User, "ana", "p", readAll))
	lost, _, err := s.CreateKey(ctx, "ana")
	ok(t, err)
	session := must(s.Issue(SessionSpec{Principal: "arn:aws:iam::123456789012:user/ana", Duration: time.Hour}))(t)
	ok(t, st.Close())
	ok(t, os.Remove(file))

	s, st = open(t, dir, file)
	defer st.Close()
	if _, found := s.Key(lost.ID, ""); found {
		t.Error("a key whose secret is lost is found")
	}
	if _, found := s.Key(session.ID, session.Token); found {
		t.Error("a session of the lost key is found")
	}
	if e := must(s.Get(ctx, User, "ana"))(t); len(e.Tags) != 1 || e.Inline["p"] != readAll {
		t.Errorf("got %+v", e)
	}
	if keys := must(s.Keys(ctx, "ana"))(t); len(keys) != 1 || !keys[0].Lost {
		t.Errorf("got %+v", keys)
	}
	made, secret, err := s.CreateKey(ctx, "ana")
	ok(t, err)
	if k, found := s.Key(made.ID, ""); !found || k.Secret != secret {
		t.Errorf("got %v %v", k, found)
	}
	ok(t, s.DeleteKey(ctx, "ana", lost.ID))
}

func TestNoSecretLiesInTheDataFolder(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "c", "key")
	s, st := open(t, dir, file)
	must(s.Create(ctx, User, New{Name: "ana"}))(t)
	_, secret, err := s.CreateKey(ctx, "ana")
	ok(t, err)
	ok(t, st.Close())
	files, err := os.ReadDir(dir)
	ok(t, err)
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		ok(t, err)
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("%s holds the secret", f.Name())
		}
	}
	if len(files) == 0 {
		t.Error("nothing was looked at")
	}
}

func TestASealedSecretOpensForItsOwnKeyAlone(t *testing.T) {
	s := fresh(t)
	must(s.Create(ctx, User, New{Name: "ana"}))(t)
	must(s.Create(ctx, User, New{Name: "eve"}))(t)
	hers, _, err := s.CreateKey(ctx, "ana")
	ok(t, err)
	mine, _, err := s.CreateKey(ctx, "eve")
	ok(t, err)
	ok(t, s.change(ctx, func(tx *state.Tx) error { // who can write to the store, but has not the key file
		var from, to keyRecord
		if _, err := tx.Get(s.keyID(mine.ID), &from); err != nil {
			return err
		}
		if _, err := tx.Get(s.keyID(hers.ID), &to); err != nil {
			return err
		}
		to.Secret = from.Secret
		return tx.Put(s.keyID(hers.ID), to)
	}))
	if _, found := s.Key(hers.ID, ""); found {
		t.Error("a secret that was moved to another's key opens")
	}
}

func TestIssue(t *testing.T) {
	s := fresh(t)
	spec := SessionSpec{
		Principal: "arn:aws:sts::123456789012:assumed-role/r/s", PrincipalID: "AROAX", Role: "arn:aws:iam::123456789012:role/r", Session: "s",
		Policies: []string{readAll, logsAll}, Tags: []Tag{{"dept", "net"}, {"team", "a"}}, Transitive: []string{"dept"}, SourceIdentity: "ana", Duration: time.Hour,
	}
	c := must(s.Issue(spec))(t)
	t.Run("puts all of a session into its token", func(t *testing.T) {
		for range 2 { // read, and remembered
			k, found := s.Key(c.ID, c.Token)
			if !found || k.Secret != c.Secret || !k.Expires.Equal(c.Expires) || k.Principal != spec.Principal || k.PrincipalID != "AROAX" || k.Role != spec.Role ||
				k.Session != "s" || k.SourceIdentity != "ana" || k.Issued == "" || k.SessionTags != `{"dept":"net","team":"a"}` || k.TransitiveTags != `["dept"]` {
				t.Fatalf("got %#v", k)
			}
			var policies []string
			ok(t, json.Unmarshal([]byte(k.SessionPolicies), &policies))
			if !slices.Equal(policies, spec.Policies) {
				t.Errorf("got %q", policies)
			}
		}
	})
	t.Run("makes keys that are found after their end: the door says so", func(t *testing.T) {
		spec.Duration = -time.Second
		over := must(s.Issue(spec))(t)
		if k, found := s.Key(over.ID, over.Token); !found || !k.Expires.Before(time.Now()) {
			t.Errorf("got %v %v", k, found)
		}
	})
	t.Run("refuses more than a token holds", func(t *testing.T) {
		random := make([]byte, maxPacked) // which no compression makes smaller
		rand.Read(random)
		spec.Policies = append(spec.Policies, base64.StdEncoding.EncodeToString(random))
		_, err := s.Issue(spec)
		wants(t, err, fault.TooLarge, "of what a session token holds")
	})
	t.Run("is of one account", func(t *testing.T) {
		other := &Store{account: "999999999999", seal: s.seal, now: time.Now}
		foreign := must(other.Issue(SessionSpec{Duration: time.Hour}))(t)
		if _, found := s.Key(foreign.ID, foreign.Token); found {
			t.Error("another account's session is found")
		}
	})
	t.Run("keeps to a bound what it remembers", func(t *testing.T) {
		for range maxSessions/64 + 1 {
			c := must(s.Issue(SessionSpec{Duration: time.Hour}))(t)
			s.Key(c.ID, c.Token)
		}
		if len(s.sessions.known) > maxSessions {
			t.Errorf("%d are remembered", len(s.sessions.known))
		}
	})
}

func FuzzToken(f *testing.F) {
	s := fresh(f)
	c := must(s.Issue(SessionSpec{Principal: "p", Duration: time.Hour, Tags: []Tag{{"k", "v"}}}))(f)
	f.Add(c.ID, c.Token)
	f.Add("", "")
	f.Add(c.ID, c.Token[:len(c.Token)-4])
	f.Add(c.ID, strings.Repeat("A", maxToken+4))
	f.Add("AKIA2345678901234567", "AQ==")
	f.Fuzz(func(t *testing.T, id, token string) {
		if k, found := s.session(id, token); found && (id != c.ID || strings.TrimRight(token, "\r\n") != c.Token && k.Secret != c.Secret) {
			t.Errorf("%q opens with %q as %v", id, token, k)
		}
	})
}

func TestLastUse(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "c", "key")
	s, st := open(t, dir, file)
	must(s.Create(ctx, User, New{Name: "ana"}))(t)
	role := must(s.Create(ctx, Role, New{Name: "r", Trust: anyTrust}))(t)
	key, _, err := s.CreateKey(ctx, "ana")
	ok(t, err)
	s.Used(key.ID, "", "ap-northeast-2", "s3")
	s.Used("", role.ID, "us-east-1", "glue")
	check := func() {
		t.Helper()
		if k := must(s.AccessKey(ctx, key.ID))(t); k.Used.Service != "s3" || k.Used.Region != "ap-northeast-2" || k.Used.At.IsZero() {
			t.Errorf("got %+v", k)
		}
		if r := must(s.Get(ctx, Role, "r"))(t); r.LastUsed.Region != "us-east-1" {
			t.Errorf("got %+v", r)
		}
	}
	check()
	ok(t, s.writeUses(ctx))
	if len(s.used) != 0 {
		t.Errorf("%v stays in memory", s.used)
	}
	ok(t, st.Close())
	s, st = open(t, dir, file)
	defer st.Close()
	check()

	s.Used(key.ID, "", "x", "y")
	ok(t, s.DeleteKey(ctx, "ana", key.ID))
	s.Used(key.ID, "", "x", "y") // a request that was on its way
	ok(t, s.writeUses(ctx))
	ok(t, s.state.View(ctx, func(tx *state.Tx) error {
		for row, err := range tx.All(useKind) {
			if err != nil || row.Key == key.ID {
				t.Errorf("got %v, %v after the key was deleted", row, err)
			}
		}
		return nil
	}))
}

func TestRunWritesLastUsesDown(t *testing.T) {
	s := fresh(t)
	must(s.Create(ctx, User, New{Name: "ana"}))(t)
	key, _, err := s.CreateKey(ctx, "ana")
	ok(t, err)
	s.Used(key.ID, "", "r", "s3")
	run, stop := context.WithCancel(ctx)
	stop()
	ok(t, s.Run(run))
	if len(s.used) != 0 {
		t.Errorf("%v was not written", s.used)
	}
}

func BenchmarkKey(b *testing.B) {
	s := fresh(b)
	c := must(s.Issue(SessionSpec{Principal: "p", Duration: time.Hour, Policies: []string{readAll}}))(b)
	b.ReportAllocs()
	for b.Loop() {
		s.Key(c.ID, c.Token)
	}
}

func BenchmarkPrincipal(b *testing.B) {
	s := fresh(b)
	must(s.Create(ctx, User, New{Name: "ana"}))(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Principal(ctx, "arn:aws:iam::123456789012:user/ana"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenToken(b *testing.B) {
	s := fresh(b)
	c := must(s.Issue(SessionSpec{Principal: "p", Duration: time.Hour, Policies: []string{readAll}}))(b)
	b.ReportAllocs()
	for b.Loop() {
		s.openToken(c.Token)
	}
}

func BenchmarkIssue(b *testing.B) {
	s := fresh(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Issue(SessionSpec{Principal: "p", Duration: time.Hour, Policies: []string{readAll}}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	s := fresh(b)
	must(s.Create(ctx, User, New{Name: "ana"}))(b)
	for i := range 10 {
		p := must(s.CreatePolicy(ctx, NewPolicy{Name: fmt.Sprint("p", i), Document: readAll}))(b)
		ok(b, s.Attach(ctx, User, "ana", p.ARN))
	}
	b.ReportAllocs()
	for b.Loop() {
		s.cache.Store(newCache())
		if _, err := s.Principal(ctx, "arn:aws:iam::123456789012:user/ana"); err != nil {
			b.Fatal(err)
		}
	}
}
