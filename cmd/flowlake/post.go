package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// post calls an operation that only flowlake has, and that the SDK has no client for: it signs for a
// service and returns the body of the answer, or the service's error.
func post(ctx context.Context, cfg aws.Config, service, path string, body []byte, header http.Header) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, *cfg.BaseEndpoint+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	maps.Copy(req.Header, header)
	key, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	req.Header.Set("X-Amz-Content-Sha256", hash)
	if err := v4.NewSigner().SignHTTP(ctx, key, req, hash, service, cfg.Region, time.Now()); err != nil {
		return nil, err
	}
	res, err := cfg.HTTPClient.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusOK {
		return res.Body, nil
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	return nil, serviceError(res, text)
}

// refusal is a service's answer that is not what was asked for.
type refusal struct {
	status        int
	code, message string
}

func (r *refusal) Error() string {
	if r.code == "" {
		return fmt.Sprintf("the server answered %d %s", r.status, http.StatusText(r.status))
	}
	return r.code + ": " + r.message
}

// serviceError reads the code and message of an answer in JSON or XML.
func serviceError(res *http.Response, text []byte) error {
	var fromJSON struct {
		Code    string `json:"__type"`
		Message string `json:"message"`
	}
	if json.Unmarshal(text, &fromJSON) == nil && fromJSON.Code != "" {
		_, code, found := strings.Cut(fromJSON.Code, "#")
		if !found {
			code = fromJSON.Code
		}
		return &refusal{res.StatusCode, code, fromJSON.Message}
	}
	var fromXML struct{ Code, Message string }
	if xml.Unmarshal(text, &fromXML) == nil && fromXML.Code != "" {
		return &refusal{res.StatusCode, fromXML.Code, fromXML.Message}
	}
	return &refusal{status: res.StatusCode}
}
