package lake

import (
	"errors"
	"strings"
	"testing"

	"flowlake/access"
	"flowlake/fault"
)

// TestEveryCallAsksTheGuard calls everything as somebody who may do nothing, on what is there.
func TestEveryCallAsksTheGuard(t *testing.T) {
	s := openLake(t)
	put(t, s, "k", "kept")
	u, err := s.CreateUpload(ctx, root, PutInput{Bucket: "lake", Key: "m"})
	if err != nil {
		t.Fatal(err)
	}
	r := UploadRef{"lake", "m", u.ID}
	p, err := s.UploadPart(ctx, root, r, PartInput{Number: 1, Body: strings.NewReader("part"), Size: 4})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CreateBucket(ctx, root, "empty"); err != nil {
		t.Fatal(err)
	}
	stranger := root
	stranger.Principal = "arn:aws:iam::" + account + ":user/stranger"
	other := access.Root("999999999999", "us-east-1")
	for _, c := range []access.Caller{stranger, other} {
		in := func(key string) PutInput {
			return PutInput{Bucket: "lake", Key: key, Body: strings.NewReader("new"), Size: 3}
		}
		for name, call := range map[string]func() error{
			"CreateBucket": func() error { return s.CreateBucket(ctx, c, "theirs") },
			"Location":     func() error { _, err := s.Location(ctx, c, "lake"); return err },
			"Bucket":       func() error { _, err := s.Bucket(ctx, c, "lake"); return err },
			"Buckets":      func() error { _, err := s.Buckets(ctx, c); return err },
			"DeleteBucket": func() error { return s.DeleteBucket(ctx, c, "empty") },
			"Put":          func() error { _, err := s.Put(ctx, c, in("k")); return err },
			"Stage":        func() error { _, err := s.Stage(ctx, c, in("k")); return err },
			"Commit":       func() error { return s.Commit(ctx, c, nil, []Ref{{Bucket: "lake", Key: "k"}}) },
			"Delete":       func() error { return s.Delete(ctx, c, "lake", "k") },
			"Head":         func() error { _, err := s.Head(ctx, c, "lake", "k"); return err },
			"Tags":         func() error { _, err := s.Tags(ctx, c, "lake", "k"); return err },
			"Open":         func() error { _, err := s.Open(ctx, c, "lake", "k"); return err },
			"Pinned":       func() error { _, _, err := s.Pinned(ctx, c, "lake", "", nil); return err },
			"Move":         func() error { return s.Move(ctx, c, []Move{{Bucket: "lake", From: "k", To: "moved"}}, nil) },
			"Local":        func() error { _, _, err := s.Local(ctx, c, "lake", "k"); return err },
			"Copy": func() error {
				_, err := s.Copy(ctx, c, CopySource{Bucket: "lake", Key: "k"}, in("c"), false)
				return err
			},
			"CopyPart":     func() error { _, err := s.CopyPart(ctx, c, CopySource{Bucket: "lake", Key: "k"}, r, 2); return err },
			"List":         func() error { _, err := s.List(ctx, c, "lake", ListInput{}); return err },
			"Uploads":      func() error { _, err := s.Uploads(ctx, c, "lake", UploadsInput{}); return err },
			"CreateUpload": func() error { _, err := s.CreateUpload(ctx, c, in("m2")); return err },
			"UploadPart": func() error {
				_, err := s.UploadPart(ctx, c, r, PartInput{Number: 2, Body: strings.NewReader("x"), Size: 1})
				return err
			},
			"CompleteUpload": func() error {
				_, err := s.CompleteUpload(ctx, c, r, Completion{Size: -1, Parts: []CompletePart{{Number: 1, ETag: p.ETag}}})
				return err
			},
			"AbortUpload": func() error { return s.AbortUpload(ctx, c, r) },
			"Parts":       func() error { _, _, _, err := s.Parts(ctx, c, r, 0, 0); return err },
			"Walk": func() error {
				var err error
				for _, werr := range s.Walk(ctx, c, "lake", "") {
					err = errors.Join(err, werr)
				}
				return err
			},
		} {
			if err := call(); !fault.Is(err, fault.Denied) {
				t.Errorf("%s by %s: got %v", name, c.Principal, err)
			}
		}
	}
	if got := get(t, s, "k"); got != "kept" {
		t.Errorf("got %q", got)
	}
}
