package wire

import (
	"net/http"
	"net/url"
	"testing"

	"flowlake/fault"
)

func TestRestJSONHasACodeForEveryKindAndRefusal(t *testing.T) {
	svc := Service{Name: "toy", Protocol: RestJSON}
	for kind := fault.Internal; kind <= fault.Unsupported; kind++ {
		if e := svc.Explain(fault.Newf(kind, "thing", "obstacle")); e.Code == "" || e.Status < 400 {
			t.Errorf("%v: got %+v", kind, e)
		}
	}
	for why := range reasons {
		if e := (&refusal{reason: why}).in(RestJSON, false); e.Code == "" || e.Status != http.StatusForbidden {
			t.Errorf("%v: got %+v", why, e)
		}
	}
}

func TestARestJSONOperationIsItsPath(t *testing.T) {
	svc := &service{Service: Service{Name: "toy", Title: "Toy", Protocol: RestJSON}, byName: map[string]*operation{"Do": {}}}
	for _, tt := range []struct {
		name, method, path, query string
		ok                        bool
	}{
		{"a POST to its name", "POST", "/Do", "", true},
		{"a presigned one", "POST", "/Do", "X-Amz-Algorithm=x&X-Amz-Date=y", true},
		{"another method", "GET", "/Do", "", false},
		{"another name", "POST", "/do", "", false},
		{"a path below", "POST", "/Do/x", "", false},
		{"a slash more", "POST", "//Do", "", false},
		{"an encoded letter", "POST", "/%44o", "", false},
		{"nothing", "POST", "/", "", false},
		{"a parameter", "POST", "/Do", "Name=x", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at, err := url.Parse(tt.path)
			if tt.path == "//Do" {
				at, err = &url.URL{Path: tt.path}, nil
			}
			if err != nil {
				t.Fatal(err)
			}
			query, err := parsePairs(tt.query, maxQuery)
			if err != nil {
				t.Fatal(err)
			}
			if op, err := svc.restOperation(&http.Request{Method: tt.method, URL: at}, query); (err == nil) != tt.ok || (op != nil) != tt.ok {
				t.Errorf("got %v, %v", op, err)
			}
		})
	}
}
