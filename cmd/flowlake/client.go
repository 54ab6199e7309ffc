package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"
	"github.com/spf13/cobra"

	"flowlake/access"
)

// target is how the client commands find their server: the endpoint or data folder that a flag names, then the
// environment's endpoint, then the default data folder. A server notes its endpoint in its data folder.
// AWS's public endpoints are never one.
type target struct {
	endpoint, data, credentials, region string
	dataGiven                           func() bool // --data names the server, whatever the environment says
	otherwise                           string      // how to name a server, beside starting one
}

func (t *target) byData() bool { return t.dataGiven != nil && t.dataGiven() }

func (t *target) flags(c *cobra.Command) {
	t.otherwise = "or name one with --endpoint URL, or AWS_ENDPOINT_URL"
	c.Flags().StringVar(&t.endpoint, "endpoint", "", "the server's URL (default: what the server noted in --data, if that is given; AWS_ENDPOINT_URL; what it noted in the default folder)")
	dataFlag(c, &t.data)
	t.dataGiven = func() bool { return c.Flags().Changed("data") }
	credentialsFlag(c, &t.credentials)
	c.Flags().StringVar(&t.region, "region", fromEnv("AWS_REGION", os.Getenv("AWS_DEFAULT_REGION")), "the region to work in (AWS_REGION; default: the server's)")
}

var awsHost = regexp.MustCompile(`(?i)(^|\.)(amazonaws\.com(\.cn)?|api\.aws|amazonaws\.eu)\.?$`)

// address returns the server's URL, checked.
func (t *target) address() (string, error) {
	endpoint := t.endpoint
	if endpoint == "" && t.dataGiven != nil && !t.dataGiven() {
		endpoint = os.Getenv("AWS_ENDPOINT_URL")
	}
	if endpoint == "" {
		noted, ok := readNote(t.data, endpointNote)
		if !ok {
			return "", &exitError{exitNoServer, fmt.Errorf("no flowlake endpoint: none is given and no server runs on %s\n"+
				"start one with: flowlake serve\n%s", t.data, t.otherwise)}
		}
		endpoint = noted
	}
	u, err := url.Parse(endpoint)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", usagef("endpoint %q is not a URL such as http://127.0.0.1:4566", endpoint)
	}
	if awsHost.MatchString(u.Hostname()) {
		return "", &exitError{exitNoServer, fmt.Errorf("endpoint %s is AWS's own: flowlake's commands talk to a flowlake server only", endpoint)}
	}
	return strings.TrimRight(endpoint, "/"), nil
}

// key returns the credentials to sign with: the environment's, or root's from its file, which a flag
// names or which goes with the data folder that a flag names.
func (t *target) key() (aws.Credentials, error) {
	id, secret := os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY")
	if id != "" && secret != "" && t.credentials == "" && !t.byData() {
		return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: os.Getenv("AWS_SESSION_TOKEN")}, nil
	}
	return t.rootKey()
}

// rootKey reads root's key from the file that was given, that the server noted, or the default one.
func (t *target) rootKey() (aws.Credentials, error) {
	path := t.credentials
	if path == "" {
		path, _ = readNote(t.data, credentialsNote)
	}
	if path == "" {
		var err error
		if path, err = defaultCredentials(); err != nil {
			return aws.Credentials{}, err
		}
	}
	id, secret, err := access.ReadCredentials(path)
	if err != nil {
		return aws.Credentials{}, fmt.Errorf("no key to sign with: %w\nname root's file with --credentials, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", err)
	}
	return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, nil
}

// config is the SDK configuration for this server, and for nothing else: it reads no profile, no
// instance metadata and no default endpoint.
func (t *target) config() (aws.Config, error) {
	endpoint, err := t.address()
	if err != nil {
		return aws.Config{}, err
	}
	key, err := t.key()
	if err != nil {
		return aws.Config{}, err
	}
	transport, err := directTransport()
	if err != nil {
		return aws.Config{}, err
	}
	return aws.Config{
		Region:       t.workRegion(),
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.StaticCredentialsProvider{Value: key},
		HTTPClient:   &http.Client{Transport: plainBodies{transport}, CheckRedirect: stay},
		Retryer:      func() aws.Retryer { return patient{retry.NewStandard()} },
	}, nil
}

// stay follows no redirect: what answers there is not the server that was named.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// workRegion is the region that was asked for, or the server's own.
func (t *target) workRegion() string {
	if t.region != "" {
		return t.region
	}
	if noted, ok := readNote(t.data, regionNote); ok {
		return noted
	}
	return defaultRegion
}

// directTransport never takes a proxy: the server is on this machine or in this network. It trusts
// the certificates of AWS_CA_BUNDLE, as the AWS CLI does, beside the system's.
func directTransport() (*http.Transport, error) {
	tr := http.DefaultTransport.(*http.Transport).Clone()
	tr.Proxy = nil
	tr.DialContext = (&net.Dialer{Timeout: 5 * time.Second}).DialContext
	if path := os.Getenv("AWS_CA_BUNDLE"); path != "" {
		pem, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("AWS_CA_BUNDLE: %w", err)
		}
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("AWS_CA_BUNDLE: %s holds no certificate", path)
		}
		tr.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return tr, nil
}

// patient tries again as the SDK does, but not where nobody listens: people are told at once.
type patient struct{ aws.RetryerV2 }

// IsErrorRetryable reports whether another attempt may help.
func (p patient) IsErrorRetryable(err error) bool {
	dial, ok := errors.AsType[*net.OpError](err)
	return !(ok && dial.Op == "dial") && p.RetryerV2.IsErrorRetryable(err)
}

// plainBodies hides from net/http that the SDK's request bodies can write themselves. smithy-go closes a body as soon as
// the answer begins, and its WriteTo then answers io.EOF, for which net/http drops the connection while a
// long answer is still on its way: "use of closed network connection", from any server that answers quickly.
type plainBodies struct{ http.RoundTripper }

// RoundTrip sends the request with a body that can only be read.
func (p plainBodies) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return p.RoundTripper.RoundTrip(r)
	}
	plain := *r
	plain.Body = struct{ io.ReadCloser }{r.Body}
	return p.RoundTripper.RoundTrip(&plain)
}

// describe makes an error of the SDK one line that names the service's code and message, and a
// server that does not answer a hint.
func describe(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		where := "" // what our own code said around the SDK's error: a file, a line
		if call, ok := errors.AsType[*smithy.OperationError](err); ok {
			where, _, _ = strings.Cut(err.Error(), call.Error())
		}
		return where + api.ErrorCode() + ": " + api.ErrorMessage()
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "the authority of the server's certificate is not known here: name its file with AWS_CA_BUNDLE"
	}
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		if unknown, ok := errors.AsType[*net.DNSError](err); ok && dial.Addr == nil {
			return fmt.Sprintf("no server answers at %s: %s", unknown.Name, unknown.Err)
		}
		if u, err := url.Parse(os.Getenv("AWS_ENDPOINT_URL")); err == nil && dial.Addr != nil && u.Host == dial.Addr.String() {
			return fmt.Sprintf("no server answers at %s, which AWS_ENDPOINT_URL names: start one with flowlake serve, or, for one that runs elsewhere, eval \"$(flowlake env)\" again or unset it", dial.Addr)
		}
		return fmt.Sprintf("no server answers at %s: start one with: flowlake serve", dial.Addr)
	}
	return err.Error()
}

// asNoServer gives an error that means "nobody answered" its own exit code.
func asNoServer(err error) error {
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" && !errors.Is(err, context.Canceled) {
		return &exitError{exitNoServer, err}
	}
	return err
}
