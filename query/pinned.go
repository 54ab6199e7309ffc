package query

import (
	"context"
	"errors"
	"slices"
	"sort"
	"strings"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/lake"
)

// pinned is the local files of a query, kept until release.
type pinned struct {
	lake     *lake.Store
	caller   access.Caller
	skip     func(bucket, key string) bool // objects that the table under way does not want; nil wants all
	seen     map[string][]InputFile        // by location, for a table with several uses: they see one moment. Nil keeps none
	files    int
	releases []func() // one for each listing
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
func (p *pinned) under(ctx context.Context, location string) ([]InputFile, error) {
	if files, ok := p.seen[location]; ok {
		return files, nil
	}
	bucket, prefix, err := lake.ParseURL(location)
	if err != nil {
		return nil, err
	}
	if prefix != "" {
		prefix = folder(prefix)
	}
	objects, release, err := p.lake.Pinned(ctx, p.caller, bucket, prefix, func(o lake.Object) (bool, error) {
		return p.wants(o, o.Key[len(prefix):])
	})
	if err != nil {
		return nil, err
	}
	p.releases = append(p.releases, release)
	var files []InputFile
	for _, o := range objects {
		files = append(files, inputFile(o))
	}
	if p.seen != nil {
		p.seen[location] = files
	}
	return files, nil
}

func inputFile(o lake.LocalObject) InputFile {
	return InputFile{Path: o.Path, URL: lake.URL(o.Bucket, o.Key), Size: o.Size}
}

// One listing of what many partitions have in common takes the place of one listing each where there are at
// least manyPartitions of them, unless it meets more than strangers objects for each that belong to none: measured on
// empty and full partitions, a listing costs as much as walking over some 10 objects.
const (
	manyPartitions = 64
	strangers      = 4
)

var errStrangers = errors.New("too many objects of other partitions")

// below pins the objects below each of the locations, in their order.
func (p *pinned) below(ctx context.Context, locations []string) ([][]InputFile, error) {
	found := make([][]InputFile, len(locations))
	var missing []int
	for i, l := range locations {
		files, ok := p.seen[l]
		if found[i] = files; !ok {
			missing = append(missing, i)
		}
	}
	if bucket, prefix, ok := commonPrefix(locations, missing); ok {
		files := p.files
		err := p.together(ctx, bucket, prefix, locations, missing, found)
		if err == nil && p.seen != nil {
			for _, i := range missing {
				p.seen[locations[i]] = found[i]
			}
		}
		if !errors.Is(err, errStrangers) {
			return found, err
		}
		p.files = files
	}
	for _, i := range missing {
		var err error
		if found[i], err = p.under(ctx, locations[i]); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// commonPrefix returns the bucket and the longest prefix that the chosen locations begin with; ok is false when one listing of
// it is not worth trying, or cannot tell them apart: they lie in several buckets, or one within another.
func commonPrefix(locations []string, chosen []int) (bucket, prefix string, ok bool) {
	if len(chosen) < manyPartitions {
		return "", "", false
	}
	sorted := make([]string, len(chosen))
	for n, i := range chosen {
		sorted[n] = folder(locations[i])
	}
	slices.Sort(sorted)
	for i := 1; i < len(sorted); i++ {
		if strings.HasPrefix(sorted[i], sorted[i-1]) {
			return "", "", false
		}
	}
	a, b := sorted[0], sorted[len(sorted)-1]
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	bucket, prefix, err := lake.ParseURL(a[:n])
	if err != nil || !strings.HasPrefix(a, "s3://"+bucket+"/") || !strings.HasPrefix(b, "s3://"+bucket+"/") {
		return "", "", false
	}
	return bucket, prefix, true
}

// folder is a location with the slash that it means at its end.
func folder(location string) string { return strings.TrimSuffix(location, "/") + "/" }

// together finds the objects of the chosen locations by one listing of their common prefix, or returns errStrangers. No location
// lies within another.
func (p *pinned) together(ctx context.Context, bucket, prefix string, locations []string, chosen []int, found [][]InputFile) error {
	type place struct {
		prefix string
		index  int
	}
	places := make([]place, len(chosen))
	for n, i := range chosen {
		_, own, err := lake.ParseURL(folder(locations[i]))
		if err != nil {
			return err
		}
		places[n] = place{own, i}
	}
	slices.SortFunc(places, func(a, b place) int { return strings.Compare(a.prefix, b.prefix) })
	owner := func(key string) (place, bool) {
		n := sort.Search(len(places), func(n int) bool { return places[n].prefix > key })
		if n == 0 || !strings.HasPrefix(key, places[n-1].prefix) {
			return place{}, false
		}
		return places[n-1], true
	}
	strange := 0
	objects, release, err := p.lake.Pinned(ctx, p.caller, bucket, prefix, func(o lake.Object) (bool, error) {
		own, ok := owner(o.Key)
		if !ok {
			if strange++; strange > strangers*len(chosen) {
				return false, errStrangers
			}
			return false, nil
		}
		return p.wants(o, o.Key[len(own.prefix):])
	})
	if err != nil {
		return err
	}
	p.releases = append(p.releases, release)
	for _, o := range objects {
		own, _ := owner(o.Key)
		found[own.index] = append(found[own.index], inputFile(o))
	}
	return nil
}
