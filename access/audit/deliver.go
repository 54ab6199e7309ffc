package audit

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"flowlake/fault"
)

// Object is one file as CloudTrail delivers it: gzip of {"Records":[…]}.
type Object struct {
	Key    string // "AWSLogs/<account>/CloudTrail/<region>/2026/08/22/<account>_CloudTrail_<region>_20260822T1510Z_<16 characters>.json.gz"
	Region string
	Body   []byte
}

// maxRecord bounds a line; records are some hundred bytes, and hold at most a few reasons.
const maxRecord = 1 << 20

// Objects makes the objects of a finished file, one a region. The same file makes the same keys, so that a delivery that
// was interrupted can be repeated. Lines that a crash cut short are left out.
//
// Source: CloudTrail user guide, "CloudTrail log file name format".
func Objects(path, account string) ([]Object, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Newf(fault.Unavailable, "audit file "+path, "%w", err)
	}
	defer f.Close()
	stamp := strings.TrimPrefix(filepath.Base(path), "audit-")
	at, err := time.Parse(finishedStamp, strings.TrimSuffix(strings.TrimSuffix(stamp, ".jsonl"), ".delivered"))
	if err != nil {
		return nil, fault.Newf(fault.Invalid, "audit file "+path, "has no time in its name")
	}
	type part struct {
		body bytes.Buffer
		gz   *gzip.Writer
		n    int
	}
	parts := map[string]*part{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxRecord)
	for lines.Scan() {
		line := lines.Bytes()
		var of struct {
			Region string `json:"awsRegion"`
		}
		if json.Unmarshal(line, &of) != nil {
			continue
		}
		if of.Region == "" {
			of.Region = "us-east-1" // where AWS has what is global
		}
		p := parts[of.Region]
		if p == nil {
			p = &part{}
			p.gz = gzip.NewWriter(&p.body)
			parts[of.Region] = p
		}
		before := `,`
		if p.n == 0 {
			before = `{"Records":[`
		}
		p.n++
		_, _ = p.gz.Write([]byte(before)) // into memory
		_, _ = p.gz.Write(line)
	}
	if err := lines.Err(); err != nil {
		return nil, fault.Newf(fault.Unavailable, "audit file "+path, "%w", err)
	}
	var objects []Object
	for region, p := range parts {
		_, _ = p.gz.Write([]byte(`]}`))
		if err := p.gz.Close(); err != nil {
			return nil, err
		}
		sum := sha256.Sum256([]byte(filepath.Base(path) + region))
		objects = append(objects, Object{Region: region, Body: p.body.Bytes(),
			Key: "AWSLogs/" + account + "/CloudTrail/" + region + "/" + at.Format("2006/01/02") + "/" +
				account + "_CloudTrail_" + region + "_" + at.Format("20060102T1504Z") + "_" + hex.EncodeToString(sum[:8]) + ".json.gz"})
	}
	slices.SortFunc(objects, func(a, b Object) int { return strings.Compare(a.Key, b.Key) })
	return objects, nil
}
