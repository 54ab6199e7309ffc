package identity

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// managedFiles are AWS's managed policies that the services here need, each a file with its name.
//
//go:embed managed/*.json
var managedFiles embed.FS

// managedFile is one of them.
type managedFile struct {
	Path        string          `json:"path"` // "/", "/service-role/", "/aws-service-role/", "/job-function/"
	Description string          `json:"description"`
	Document    json.RawMessage `json:"document"`
}

// AWS-managed policies are read once. They have one version each, v1: AWS's have many, and change.
//
// Differs from AWS: they allow what concerns the services that are here, under AWS's names.
var readManaged = sync.OnceValue(func() map[string]Policy {
	files, err := managedFiles.ReadDir("managed")
	if err != nil {
		panic(err) // embedded
	}
	all := map[string]Policy{}
	since := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, f := range files {
		text, err := managedFiles.ReadFile("managed/" + f.Name())
		if err != nil {
			panic(err)
		}
		var m managedFile
		if err := json.Unmarshal(text, &m); err != nil {
			panic(fmt.Sprintf("%s: %v", f.Name(), err))
		}
		name := strings.TrimSuffix(path.Base(f.Name()), ".json")
		p := Policy{
			Name: name, ID: managedID(name), ARN: "arn:aws:iam::aws:policy" + m.Path + name, Path: m.Path, Description: m.Description,
			Created: since, Updated: since, Default: "v1", AWS: true, ServiceRole: m.Path == linkedPath,
			Versions: []Version{{ID: "v1", Document: string(m.Document), Created: since, Default: true}},
		}
		all[p.ARN] = p
	}
	return all
})

// awsPolicy finds one of AWS's policies.
func awsPolicy(arn string) (Policy, bool) {
	p, ok := readManaged()[arn]
	return p, ok
}

// awsPolicies are all of them, in the order of their ARNs.
func awsPolicies() []Policy {
	all := make([]Policy, 0, len(readManaged()))
	for _, arn := range sorted(readManaged()) {
		p := readManaged()[arn]
		p.Versions = slices.Clone(p.Versions)
		all = append(all, p)
	}
	return all
}
