package query

import (
	"container/list"
	"os"
	"strings"
	"sync"

	"flowlake/columnar"
	"flowlake/fault"
)

// maxFooters bounds how many files' footers are remembered: of a flow log's 14 to 40 columns each takes some 2 KB.
const maxFooters = 10_000

// footers remembers what each column takes in Parquet files, so that a table of thousands of small ones is not opened file by
// file by every query. The lake's files never change, and their names are not used again. The zero footers is ready.
type footers struct {
	mu    sync.Mutex // guards both
	known map[string]*list.Element
	order list.List // of footer, the last used in front
}

type footer struct {
	path    string
	columns map[string]int64 // compressed bytes in all row groups, by the name in lower case
}

// columns returns what each column of a file takes.
func (m *footers) columns(f InputFile) (map[string]int64, error) {
	m.mu.Lock()
	if e := m.known[f.Path]; e != nil {
		m.order.MoveToFront(e)
		m.mu.Unlock()
		return e.Value.(footer).columns, nil
	}
	m.mu.Unlock()
	columns, err := readFooter(f)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = map[string]*list.Element{}
	}
	if m.known[f.Path] == nil {
		m.known[f.Path] = m.order.PushFront(footer{f.Path, columns})
	}
	if m.order.Len() > maxFooters {
		delete(m.known, m.order.Remove(m.order.Back()).(footer).path)
	}
	return columns, nil
}

func readFooter(f InputFile) (map[string]int64, error) {
	file, err := os.Open(f.Path)
	if err != nil {
		return nil, fault.Newf(fault.Unavailable, "object "+f.URL, "%w", err)
	}
	defer file.Close()
	p, err := columnar.ReadParquet(f.URL, file, f.Size)
	if err != nil {
		return nil, fault.Newf(fault.KindOf(err), "HIVE_CURSOR_ERROR", "%w", err)
	}
	columns := make(map[string]int64, len(p.Columns))
	for _, g := range p.Groups {
		for i, c := range g.Chunks {
			columns[strings.ToLower(p.Columns[p.Leaves[i].Column].Name)] += c.Compressed
		}
	}
	return columns, nil
}
