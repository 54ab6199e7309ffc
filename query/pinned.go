package query

import (
	"context"
	"errors"
	"sort"
	"strings"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/catalog/projection"
	"flowlake/fault"
	"flowlake/lake"
)

// pinned is the local files of a query, kept until release.
type pinned struct {
	lake     *lake.Store
	caller   access.Caller
	skip     func(bucket, key string) bool // objects that the table under way does not want; nil wants all
	files    int
	releases []func()
}

func (p *pinned) release() {
	for _, r := range p.releases {
		r()
	}
}

// wants reports whether an object is data of the table under way; relative is its key below the location.
func (p *pinned) wants(o lake.Object, relative string) (bool, error) {
	if o.Size == 0 || !catalog.IsData(relative) || p.skip != nil && p.skip(o.Bucket, o.Key) {
		return false, nil
	}
	if p.files == MaxScanFiles {
		return false, fault.Newf(fault.Limit, "query", "it would read more than %d objects: name fewer partitions, or compact them", MaxScanFiles)
	}
	p.files++
	return true, nil
}

// under pins the objects below a location, as they are at one moment. Hidden files, folder marks and what an export
// task writes to try its permission are no data.
func (p *pinned) under(ctx context.Context, location string, values []string) (Input, error) {
	in := Input{Values: values}
	bucket, prefix, err := lake.ParseURL(location)
	if err != nil {
		return in, err
	}
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	objects, release, err := p.lake.Pinned(ctx, p.caller, bucket, prefix, func(o lake.Object) (bool, error) {
		return p.wants(o, o.Key[len(prefix):])
	})
	if err != nil {
		return in, err
	}
	p.releases = append(p.releases, release)
	for _, o := range objects {
		in.Files = append(in.Files, inputFile(o))
	}
	return in, nil
}

func inputFile(o lake.LocalObject) InputFile {
	return InputFile{Path: o.Path, URL: lake.URL(o.Bucket, o.Key), Size: o.Size}
}

// One listing of what many projected partitions have in common takes the place of one listing each where there are at
// least manyPartitions of them, unless it meets more than strangers objects for each that belong to none: measured on
// empty and full partitions, a listing costs as much as walking over some 10 objects.
const (
	manyPartitions = 64
	strangers      = 4
)

var errStrangers = errors.New("too many objects of other partitions")

// below pins the objects of projected partitions.
func (p *pinned) below(ctx context.Context, parts []projection.Partition) ([]Input, error) {
	if len(parts) >= manyPartitions {
		if bucket, prefix, ok := projection.CommonPrefix(parts); ok {
			files := p.files
			inputs, err := p.together(ctx, bucket, prefix, parts)
			if !errors.Is(err, errStrangers) {
				return inputs, err
			}
			p.files = files
		}
	}
	var inputs []Input
	for _, part := range parts {
		in, err := p.under(ctx, part.Location, part.Values)
		if err != nil {
			return nil, err
		}
		if len(in.Files) > 0 {
			inputs = append(inputs, in)
		}
	}
	return inputs, nil
}

// together pins the objects of partitions below a common prefix by one listing, or returns errStrangers. No partition lies
// within another.
func (p *pinned) together(ctx context.Context, bucket, prefix string, parts []projection.Partition) ([]Input, error) {
	sorted := make([]int, len(parts)) // parts by their prefixes
	prefixes := make([]string, len(parts))
	for i := range parts {
		sorted[i] = i
		_, prefixes[i], _ = lake.ParseURL(parts[i].Location)
	}
	sort.Slice(sorted, func(a, b int) bool { return prefixes[sorted[a]] < prefixes[sorted[b]] })
	owner := func(key string) int {
		n := sort.Search(len(sorted), func(n int) bool { return prefixes[sorted[n]] > key })
		if n == 0 || !strings.HasPrefix(key, prefixes[sorted[n-1]]) {
			return -1
		}
		return sorted[n-1]
	}
	foreign := 0
	objects, release, err := p.lake.Pinned(ctx, p.caller, bucket, prefix, func(o lake.Object) (bool, error) {
		i := owner(o.Key)
		if i < 0 {
			if foreign++; foreign > strangers*len(parts) {
				return false, errStrangers
			}
			return false, nil
		}
		return p.wants(o, o.Key[len(prefixes[i]):])
	})
	if err != nil {
		return nil, err
	}
	p.releases = append(p.releases, release)
	own := make([]Input, len(parts))
	for _, o := range objects {
		i := owner(o.Key)
		own[i].Files = append(own[i].Files, inputFile(o))
	}
	var inputs []Input
	for i, in := range own {
		if len(in.Files) > 0 {
			in.Values = parts[i].Values
			inputs = append(inputs, in)
		}
	}
	return inputs, nil
}
