package wire

import (
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Server is the one http.Handler of all services.
type Server struct {
	cfg      Config
	services []Service
}

// New checks the services (see Check) and returns their handler. It opens and starts nothing.
func New(cfg Config, services []Service) (*Server, error) {
	return &Server{cfg: cfg, services: services}, errors.New("not yet")
}

// ServeHTTP answers one AWS request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {}

// Listed is an operation with its service, for those who print the registry.
type Listed struct {
	Service *Service
	Operation
}

// Operations lists every row of every service, sorted by service and name.
func (s *Server) Operations() []Listed { return nil }

// Check reports what is wrong with the tables: a row without permissions that is not Public, a
// member that the input does not have, a name given twice.
func Check(services []Service) error { return nil }

// Coverage writes the Markdown page of what is supported: docs/coverage.md.
func Coverage(services []Service) []byte { return nil }

type payload struct{ io.Reader }

func (p *payload) trailer(name string) string    { return "" }
func (p *payload) verified() map[string]string   { return nil }
func malformed(format string, args ...any) error { return fmt.Errorf(format, args...) }
