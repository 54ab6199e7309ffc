package sts_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"flowlake/access"
	door "flowlake/aws/sts"
	"flowlake/aws/wire"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func TestGetCallerIdentity(t *testing.T) {
	keys, err := access.OpenKeys(filepath.Join(t.TempDir(), "config", "credentials"), "123456789012")
	if err != nil {
		t.Fatal(err)
	}
	handler, err := wire.New(wire.Config{Keys: keys, Guard: access.NewGuard("123456789012"), Log: slog.New(slog.DiscardHandler)},
		[]wire.Service{door.Service()})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	client := sts.New(sts.Options{Region: "ap-northeast-2", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider(keys.Root().ID, keys.Root().Secret, "")})
	out, err := client.GetCallerIdentity(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := aws.ToString(out.Arn), "arn:aws:iam::123456789012:root"; got != want || aws.ToString(out.Account) != "123456789012" || aws.ToString(out.UserId) != "123456789012" {
		t.Errorf("got %s of %s, want %s", got, aws.ToString(out.Account), want)
	}
}
