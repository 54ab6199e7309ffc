package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flowlake/access"
	"flowlake/access/audit"
	"flowlake/fault"
	"flowlake/lake"
)

// TestTheAuditLogIsDelivered opens a house: its audit files wait for the bucket and for the bucket's policy, which is
// what CloudTrail's users write.
func TestTheAuditLogIsDelivered(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	h, err := openHouse(houseConfig{data: filepath.Join(dir, "data"), account: defaultAccount, region: defaultRegion, credentials: filepath.Join(dir, "config", "credentials"),
		keyFile: filepath.Join(dir, "config", "key"), auditBucket: "trail", log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.close(); err != nil {
			t.Error(err)
		}
	})
	root := access.Root(defaultAccount, defaultRegion)
	h.audit.Write(&audit.Event{EventName: "Told", AWSRegion: defaultRegion})
	if err := h.deliverAuditFiles(ctx); !fault.Is(err, fault.Denied) && !fault.Is(err, fault.NotFound) {
		t.Fatalf("without a bucket: got %v", err)
	}
	if err := h.lake.CreateBucket(ctx, root, "trail"); err != nil {
		t.Fatal(err)
	}
	err = h.deliverAuditFiles(ctx)
	if !fault.Is(err, fault.Denied) || !strings.Contains(access.Explain(err), `"Service": "cloudtrail.amazonaws.com"`) {
		t.Fatalf("without a policy: got %v", access.Explain(err))
	}
	if err := h.lake.PutBucketPolicy(ctx, root, "trail", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"s3:PutObject",
		"Resource":"arn:aws:s3:::trail/AWSLogs/`+defaultAccount+`/*","Condition":{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control","aws:SourceArn":"arn:aws:cloudtrail:us-east-1:`+defaultAccount+`:trail/flowlake"}}}}`); err != nil {
		t.Fatal(err)
	}
	if err := h.deliverAuditFiles(ctx); err != nil {
		t.Fatal(access.Explain(err))
	}
	page, err := h.lake.List(ctx, root, "trail", lake.ListInput{Prefix: "AWSLogs/" + defaultAccount + "/CloudTrail/us-east-1/"})
	if err != nil || len(page.Objects) == 0 {
		t.Fatalf("got %v, %v", page, err)
	}
	var names []string
	for _, o := range page.Objects {
		body, err := h.lake.Open(ctx, root, "trail", o.Key)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(body)
		if err := body.Close(); err != nil {
			t.Error(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		gz, err := gzip.NewReader(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		var file struct{ Records []audit.Event }
		if err := json.NewDecoder(gz).Decode(&file); err != nil {
			t.Fatal(err)
		}
		for _, e := range file.Records {
			names = append(names, e.EventName)
		}
	}
	if all := strings.Join(names, " "); !strings.Contains(all, "Told") || !strings.Contains(all, "PutObject") { // its own refusals are there too
		t.Errorf("got %s", all)
	}
	if waiting, err := h.audit.Undelivered(); err != nil || len(waiting) != 0 {
		t.Errorf("got %v, %v", waiting, err)
	}
}

func TestTheKeyFileLiesOutsideTheData(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	err := serve(t.Context(), io.Discard, serveOptions{data: data, listen: "127.0.0.1:0", account: defaultAccount, region: defaultRegion, credentials: filepath.Join(dir, "config", "credentials"),
		keyFile: filepath.Join(data, "key"), insecureEnv: "false", publishEvery: "5m", retryText: "24h", logLevel: "info"})
	if err == nil || !strings.Contains(err.Error(), "lies inside the data folder") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("the data folder was made")
	}
}
