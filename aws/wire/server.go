package wire

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
)

// Server is the one http.Handler of all services.
type Server struct {
	cfg      Config
	services []*service
	byName   map[string][]*service // by signing name
	verifier *verifier
	metrics  *metrics
	patience time.Duration // with a body that has stopped coming

	streams    context.Context // ends with EndStreams, and all event streams with it
	endStreams context.CancelFunc
}

// bodyPatience is how long a body may pause: S3 gives up within a minute too.
const bodyPatience = time.Minute

// New checks the services (see Check) and returns their handler. It opens and starts nothing.
func New(cfg Config, services []Service) (*Server, error) {
	switch {
	case cfg.Keys == nil, cfg.Guard == nil, cfg.Log == nil:
		return nil, errors.New("wire: Keys, Guard and Log are needed")
	}
	if err := Check(services); err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	m, err := newMetrics(cfg.Registry)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, byName: map[string][]*service{}, metrics: m, patience: bodyPatience,
		verifier: &verifier{lookup: cfg.Keys.Lookup, now: cfg.Now}}
	s.streams, s.endStreams = context.WithCancel(context.Background())
	for _, svc := range services {
		ready := prepare(svc)
		s.services = append(s.services, ready)
		s.byName[svc.Name] = append(s.byName[svc.Name], ready)
	}
	return s, nil
}

// NewHTTPServer returns an http.Server with the bounds that a listener of AWS requests wants: headers come within
// 10 s and are at most 64 KiB, an idle connection lives for two minutes. Bodies have no deadline, an upload may
// take its time; but Server gives up on one of which nothing comes for a minute.
func NewHTTPServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
}

// protocolOf guesses a request's protocol from its form alone, for answers before its service is known.
func protocolOf(r *http.Request, query []pair) Protocol {
	switch {
	case r.Header.Get("X-Amz-Target") != "":
		return JSON11
	case has(query, "Action"), r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		return Query
	}
	return RestXML
}

// strangers stand for services that are not ours, in the words of each protocol.
var strangers = map[Protocol]*service{
	JSON11:  {Service: Service{Name: "unknown", Protocol: JSON11, LowerCamel: true}},
	Query:   {Service: Service{Name: "unknown", Protocol: Query, Namespace: "https://webservices.amazon.com/"}},
	RestXML: {Service: Service{Name: "unknown", Protocol: RestXML}},
}

// find returns the service that a request is for: the one whose name its signature's scope carries and whose protocol
// it speaks. Without a signature it is the one that the target, or the protocol alone, points to, so that a refusal is
// in its words.
func (s *Server) find(r *http.Request, query []pair, sig *signature) (*service, bool) {
	protocol := protocolOf(r, query)
	if sig == nil {
		if svc := s.spoken(r); svc != nil {
			return svc, true
		}
		for _, svc := range s.services {
			if svc.Protocol == protocol && (protocol != JSON11 || strings.HasPrefix(r.Header.Get("X-Amz-Target"), svc.Target)) {
				return svc, true
			}
		}
		return strangers[protocol], false
	}
	candidates := s.byName[sig.service]
	if len(candidates) == 0 {
		return strangers[protocol], false
	}
	for _, svc := range candidates {
		if svc.Protocol == protocol || svc.Protocol == EC2Query && protocol == Query {
			return svc, true
		}
	}
	return candidates[0], true
}

// unknownOperation is the refusal of an operation that has no row.
func unknownOperation(svc *service, name string) error {
	e := &Error{Status: http.StatusBadRequest, Message: "flowlake does not implement " + clip(name)}
	if svc.Title != "" {
		e.Message += " of " + svc.Title
	}
	switch svc.Protocol {
	case JSON11, RestJSON:
		e.Code = "UnknownOperationException"
	case Query, EC2Query:
		e.Code = "InvalidAction"
	default:
		e.Code, e.Status = "NotImplemented", http.StatusNotImplemented
	}
	return e
}

// jsonOperation finds the row of an awsJson request.
func (svc *service) jsonOperation(r *http.Request) (*operation, error) {
	targets := r.Header["X-Amz-Target"]
	if r.Method != http.MethodPost || len(targets) != 1 {
		return nil, unknownOperation(svc, "a request without one X-Amz-Target header, by POST,")
	}
	name, ok := strings.CutPrefix(targets[0], svc.Target)
	if op := svc.byName[name]; ok && op != nil {
		return op, nil
	}
	if !ok {
		name = targets[0]
	}
	return nil, unknownOperation(svc, quote(name))
}

// queryOperation finds the row of an awsQuery request.
func (svc *service) queryOperation(form *formNode) (*operation, error) {
	action, version := form.below["Action"], form.below["Version"]
	switch {
	case action == nil || !action.set || action.value == "":
		return nil, &Error{Code: "MissingAction", Status: http.StatusBadRequest, Message: "The request has no Action"}
	case version != nil && version.value != svc.Target:
		return nil, &Error{Code: "InvalidAction", Status: http.StatusBadRequest,
			Message: "Could not find operation " + clip(action.value) + " for version " + clip(version.value) + "; flowlake speaks " + svc.Target}
	}
	op := svc.byName[action.value]
	if op == nil {
		return nil, unknownOperation(svc, quote(action.value))
	}
	return op, nil
}
