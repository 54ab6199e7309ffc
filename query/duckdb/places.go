//go:build duckdb_arrow

package duckdb

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"flowlake/fault"
	"flowlake/query"
)

// fileColumn is the column with a row's link, whose name begins with the number of the row's unit.
const fileColumn = "__flowlake_file"

// unitOfFile is the expression of that number. It is the same for all rows of a file, and DuckDB works it out
// once for a vector of them.
const unitOfFile = `CAST(split_part(parse_filename("` + fileColumn + `"), '-', 1) AS INTEGER)`

// places is a folder of links to the files of a job. Their names are ours, so no object's name can be
// taken for a pattern; one folder is allowed instead of thousands of paths, which would
// take DuckDB seconds to check; and a link's name says which unit of the scan its file belongs to.
//
// The links are hard where the inputs lie on the scratch folder's file system. Elsewhere they are symbolic, and
// because both DuckDB and the kernel look at where those lead, the real paths are allowed one by one.
type places struct {
	folder  string
	outside []string          // real paths of inputs that could only be linked symbolically
	urls    map[string]string // by link and by outside path
	scans   [][]unit
}

// unit is the files of a scan that share its constants: the partition keys, and "$path" when it is read.
type unit struct {
	values []string
	url    string // of the only file, when "$path" is read
	files  []placed
}

// placed is a file and the link to it.
type placed struct {
	query.InputFile
	link string
}

// place makes the links.
func place(folder string, job query.Job) (*places, error) {
	p := &places{folder: folder, urls: map[string]string{}}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, fault.Newf(fault.Unavailable, "query scratch", "%w", err)
	}
	perFile := strings.Contains(job.SQL, "$path") // a string that says so by chance costs some links
	for i, s := range job.Scans {
		var units []unit
		for _, in := range s.Inputs {
			if len(in.Values) != len(s.Keys) {
				return nil, fault.Newf(fault.Internal, "scan "+s.Name, "%d values for %d partition keys", len(in.Values), len(s.Keys))
			}
			u := unit{values: in.Values}
			for _, f := range in.Files {
				if f.Size == 0 { // holds no row in any format
					continue
				}
				if perFile {
					units = append(units, unit{values: in.Values, url: f.URL, files: []placed{{InputFile: f}}})
				} else {
					u.files = append(u.files, placed{InputFile: f})
				}
			}
			if len(u.files) > 0 {
				units = append(units, u)
			}
		}
		if err := p.link(i, units); err != nil {
			return nil, fault.Newf(fault.Unavailable, "query scratch", "%w", err)
		}
		p.scans = append(p.scans, units)
	}
	return p, nil
}

func (p *places) link(scan int, units []unit) error {
	base := filepath.Join(p.folder, strconv.Itoa(scan))
	if err := os.Mkdir(base, 0o700); err != nil {
		return err
	}
	for i, u := range units {
		for j := range u.files {
			f := &u.files[j]
			f.link = filepath.Join(base, fmt.Sprintf("%d-%d.parquet", i+1, j)) // DuckDB's lists count from 1
			p.urls[f.link] = f.URL
			if os.Link(f.Path, f.link) == nil {
				continue
			}
			real, err := filepath.EvalSymlinks(f.Path)
			if err != nil {
				return err
			}
			if err := os.Symlink(real, f.link); err != nil {
				return err
			}
			p.outside = append(p.outside, real)
			p.urls[real] = f.URL
		}
	}
	return nil
}

// public replaces links and local paths in an engine's message by the objects' URLs.
func (p *places) public(message string) string {
	for _, path := range p.outside {
		message = strings.ReplaceAll(message, path, p.urls[path])
	}
	for {
		at := strings.Index(message, p.folder)
		if at < 0 {
			return message
		}
		end := at + len(p.folder)
		for end < len(message) && (message[end] == '/' || message[end] == '-' || message[end] == '.' ||
			message[end] >= '0' && message[end] <= '9' || message[end] >= 'a' && message[end] <= 'z') {
			end++
		}
		path := strings.TrimRight(message[at:end], ".")
		url, ok := p.urls[path]
		if !ok {
			url = "the table's files"
		}
		message = message[:at] + url + message[at+len(path):]
	}
}
