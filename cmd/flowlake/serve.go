package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"flowlake/aws/wire"
)

// drainTime is how long requests under way may take once the server is told to stop; with the rooms'
// own graces it stays below the 10 seconds that service managers are told of.
const drainTime = 4 * time.Second

type serveOptions struct {
	data, listen, account, region, credentials string
	keyFile                                    string
	auditBucket                                string
	cert, key                                  string
	insecure                                   bool
	insecureEnv                                string // FLOWLAKE_INSECURE as it is written
	logLevel                                   string
	publishEvery                               string
	publish                                    time.Duration
	retryText                                  string
	retryFor                                   time.Duration
}

func serveCommand() *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Runs the server until SIGTERM or SIGINT, then ends what is under way and exits 0.

When it is ready, standard output gets one line, "flowlake ready URL", and DATA/endpoint holds the URL.
Logs go to standard error. At its first start it makes root's access key, in a file outside the
data folder; flowlake env prints it for the AWS CLI and SDKs. Beside it lies the key that seals users'
secrets: keep a copy, for with another one users need new access keys.

DATA/audit/audit.jsonl tells who asked for what and what was decided, one CloudTrail record a line.

With --tls-cert, clients that do not know the certificate's authority want AWS_CA_BUNDLE to name its file.

URL/_flowlake/health answers 200 when the server serves; URL/_flowlake/metrics is for Prometheus.`,
		Example: `  flowlake serve
  flowlake serve --data /srv/flowlake --listen 127.0.0.1:0
  flowlake serve --listen 0.0.0.0:4566 --tls-cert server.pem --tls-key server.key`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return serve(c.Context(), c.OutOrStdout(), o) },
	}
	dataFlag(c, &o.data)
	credentialsFlag(c, &o.credentials)
	f := c.Flags()
	f.StringVar(&o.keyFile, "key-file", os.Getenv("FLOWLAKE_KEY_FILE"), "the key that seals secrets, outside the data folder; made at the first start (FLOWLAKE_KEY_FILE; default: beside root's credentials)")
	f.StringVar(&o.auditBucket, "audit-bucket", os.Getenv("FLOWLAKE_AUDIT_BUCKET"), "a bucket that gets the audit log's files, as CloudTrail delivers them; DATA/audit has them in any case (FLOWLAKE_AUDIT_BUCKET)")
	f.StringVar(&o.listen, "listen", fromEnv("FLOWLAKE_LISTEN", defaultListen), "address to listen on; port 0 takes a free one (FLOWLAKE_LISTEN)")
	f.StringVar(&o.account, "account", fromEnv("FLOWLAKE_ACCOUNT", defaultAccount), "the 12-digit account id (FLOWLAKE_ACCOUNT)")
	f.StringVar(&o.region, "region", fromEnv("FLOWLAKE_REGION", defaultRegion), "the default region (FLOWLAKE_REGION)")
	f.StringVar(&o.cert, "tls-cert", os.Getenv("FLOWLAKE_TLS_CERT"), "certificate chain in PEM, to serve TLS (FLOWLAKE_TLS_CERT)")
	f.StringVar(&o.key, "tls-key", os.Getenv("FLOWLAKE_TLS_KEY"), "its key in PEM (FLOWLAKE_TLS_KEY)")
	o.insecureEnv = fromEnv("FLOWLAKE_INSECURE", "false")
	insecure, _ := strconv.ParseBool(o.insecureEnv) // check refuses what is neither
	f.BoolVar(&o.insecure, "insecure", insecure, "allow a listener beyond loopback without TLS (FLOWLAKE_INSECURE=true)")
	f.StringVar(&o.publishEvery, "publish-every", fromEnv("FLOWLAKE_PUBLISH_EVERY", "5m"), "the longest that a flow log's records wait before they are a file in S3, to 15m (FLOWLAKE_PUBLISH_EVERY)")
	f.StringVar(&o.retryText, "retry-for", fromEnv("FLOWLAKE_RETRY_FOR", "24h"), "how long a delivery stream tries a batch that it cannot write, as for a table that is gone, before the records go below the error prefix (FLOWLAKE_RETRY_FOR)")
	f.StringVar(&o.logLevel, "log-level", fromEnv("FLOWLAKE_LOG_LEVEL", "info"), "debug, info, warn or error (FLOWLAKE_LOG_LEVEL)")
	return c
}

var (
	accountID  = regexp.MustCompile(`^[0-9]{12}$`)
	regionName = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]+$`)
)

// check names the flag that is wrong.
func (o *serveOptions) check() error {
	if _, err := strconv.ParseBool(o.insecureEnv); err != nil {
		return usagef("FLOWLAKE_INSECURE=%s is neither true nor false", o.insecureEnv)
	}
	publish, err := time.ParseDuration(o.publishEvery)
	if o.publish = publish; err != nil || publish <= 0 || publish > 15*time.Minute {
		return usagef("--publish-every %q is not a time such as 5m, up to 15m", o.publishEvery)
	}
	retry, err := time.ParseDuration(o.retryText)
	if o.retryFor = retry; err != nil || retry <= 0 {
		return usagef("--retry-for %q is not a time such as 24h", o.retryText)
	}
	switch {
	case !accountID.MatchString(o.account):
		return usagef("--account %q is not 12 digits", o.account)
	case !regionName.MatchString(o.region):
		return usagef("--region %q is not a region's name, such as us-east-1", o.region)
	case (o.cert == "") != (o.key == ""):
		return usagef("--tls-cert and --tls-key go together")
	}
	host, _, err := net.SplitHostPort(o.listen)
	if err != nil {
		return usagef("--listen %q: %w", o.listen, err)
	}
	if o.cert == "" && !o.insecure && !isLoopback(host) {
		return usagef("--listen %s is reachable from other machines and has no TLS: requests could be read on the way\n"+
			"give --tls-cert and --tls-key, or --insecure if the network is yours alone", o.listen)
	}
	return nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func (o *serveOptions) logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.logLevel)); err != nil {
		return nil, usagef("--log-level %q is not debug, info, warn or error", o.logLevel)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})), nil
}

func serve(ctx context.Context, stdout io.Writer, o serveOptions) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	log, err := o.logger()
	if err != nil {
		return err
	}
	began := time.Now()
	if o.data, err = filepath.Abs(o.data); err != nil {
		return err
	}
	if o.credentials == "" {
		if o.credentials, err = defaultCredentials(); err != nil {
			return err
		}
	}
	if o.credentials, err = filepath.Abs(o.credentials); err != nil {
		return err
	}
	if inside(o.data, o.credentials) {
		return usagef("--credentials %s lies inside the data folder: who gets a copy of the data would get root's key with it", o.credentials)
	}
	if o.keyFile == "" {
		o.keyFile = filepath.Join(filepath.Dir(o.credentials), "key")
	}
	if o.keyFile, err = filepath.Abs(o.keyFile); err != nil {
		return err
	}
	if inside(o.data, o.keyFile) {
		return usagef("--key-file %s lies inside the data folder: who gets a copy of the data would get what opens its secrets with it", o.keyFile)
	}
	var tlsConfig *tls.Config
	if o.cert != "" {
		pair, err := tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			return fmt.Errorf("TLS certificate: %w", err)
		}
		tlsConfig = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	}
	unix.Umask(0o077) // what libraries create is the owner's only, too
	h, err := openHouse(houseConfig{data: o.data, account: o.account, region: o.region, credentials: o.credentials, keyFile: o.keyFile, auditBucket: o.auditBucket, log: log, publish: o.publish, retryFor: o.retryFor})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	ln, err := net.Listen("tcp", o.listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("another program listens on %s: give --listen another address, or 127.0.0.1:0 for a free port", o.listen)
	}
	if err != nil {
		return err
	}
	endpoint := endpointOf(ln.Addr().(*net.TCPAddr), tlsConfig != nil)
	for name, text := range map[string]string{endpointNote: endpoint, regionNote: o.region, credentialsNote: o.credentials} {
		if err := writeNote(o.data, name, text); err != nil {
			ln.Close()
			return fmt.Errorf("data folder: %w", err)
		}
	}
	// In an orderly end nobody is sent to an address where somebody else may listen by then.
	defer os.Remove(filepath.Join(o.data, endpointNote))
	log.Info("flowlake starts", "version", version, "data", o.data, "listen", ln.Addr().String(), "tls", tlsConfig != nil,
		"account", o.account, "region", o.region, "credentials", o.credentials, "key_file", o.keyFile, "audit_bucket", o.auditBucket, "took", time.Since(began))

	mux := http.NewServeMux()
	mux.HandleFunc("GET /_flowlake/health", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, "ok")
	})
	mux.Handle("GET /_flowlake/metrics", promhttp.HandlerFor(h.metrics, promhttp.HandlerOpts{}))
	srv := wire.NewHTTPServer(doors(mux, h.server))
	srv.TLSConfig = tlsConfig
	srv.RegisterOnShutdown(h.server.EndStreams)
	srv.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	g, work := errgroup.WithContext(ctx)
	g.Go(func() error { return h.run(work) })
	g.Go(func() error {
		var err error
		if tlsConfig != nil {
			err = srv.ServeTLS(ln, "", "")
		} else {
			err = srv.Serve(ln)
		}
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return err
	})
	g.Go(func() error {
		<-work.Done()
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		if err := srv.Shutdown(drain); err != nil {
			log.Warn("requests cut off", "err", err)
			return srv.Close()
		}
		return nil
	})
	if _, err := fmt.Fprintln(stdout, "flowlake ready "+endpoint); err != nil {
		log.Warn("nobody reads standard output", "err", err)
	}
	err = g.Wait()
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		log.Info("flowlake stopped", "after", time.Since(began))
		return nil
	}
	return err
}

// doors sends flowlake's own paths to own, and everything else, whatever its path looks like, to the
// AWS doors: a ServeMux would clean S3's paths. A signed request is for a service even there: in a bucket's own
// host, such a path is a key.
func doors(own, services http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/_flowlake/") && !signed(r) {
			own.ServeHTTP(w, r)
			return
		}
		services.ServeHTTP(w, r)
	})
}

// signed reports whether a request carries a signature, whether or not it is a good one.
func signed(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-") || r.URL.Query().Has("X-Amz-Signature")
}

// endpointOf is a URL that a client on this machine can connect to.
func endpointOf(a *net.TCPAddr, tls bool) string {
	scheme, ip := "http", a.IP
	if tls {
		scheme = "https"
	}
	if ip.IsUnspecified() {
		ip = net.IPv4(127, 0, 0, 1)
	}
	return scheme + "://" + net.JoinHostPort(ip.String(), fmt.Sprint(a.Port))
}

// inside reports whether path lies below dir.
func inside(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
