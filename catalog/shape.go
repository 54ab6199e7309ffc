package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"flowlake/fault"
	"flowlake/state"
)

// storedPartition is a partition as it is kept. What its storage says besides the location is nearly
// always what its neighbours' say, columns and all, so that is kept once for each table under its
// hash: a table of 100,000 partitions is read in a tenth of the bytes. Shapes go with their table.
type storedPartition struct {
	Values       []string          `json:"values"`
	Location     string            `json:"location,omitempty"`
	Shape        string            `json:"shape"`
	Parameters   map[string]string `json:"parameters,omitempty"`
	Created      time.Time         `json:"created"`
	LastAccess   time.Time         `json:"lastAccess,omitzero"`
	LastAnalyzed time.Time         `json:"lastAnalyzed,omitzero"`
}

// shape stores what p's storage says besides its location, and returns p as it is kept.
func (e *Edit) shape(t Table, p Partition) (storedPartition, error) {
	shape := p.Storage
	shape.Location = ""
	data, err := json.Marshal(shape) // maps are written in the order of their keys
	if err != nil {
		return storedPartition{}, fault.Newf(fault.Internal, partitionSubject(t, p.Values), "encode: %w", err)
	}
	sum := sha256.Sum256(data)
	hash := hex.EncodeToString(sum[:12])
	id := e.shapeID(t, hash)
	there := e.stored[id]
	if !there {
		there, err = e.tx.Exists(id)
		if err == nil && !there {
			err = e.tx.Create(id, shape)
		}
		if err == nil {
			if e.stored == nil {
				e.stored = make(map[state.ID]bool)
			}
			e.stored[id] = true
		}
	}
	return storedPartition{Values: p.Values, Location: p.Storage.Location, Shape: hash, Parameters: p.Parameters,
		Created: p.Created, LastAccess: p.LastAccess, LastAnalyzed: p.LastAnalyzed}, err
}

func (s *Snapshot) shapeID(t Table, hash string) state.ID {
	return s.id(kindShape, tableKey(t.Database, t.Name)+separator+hash)
}

// shapes reads each shape of a table once.
type shapes struct {
	s     *Snapshot
	table Table
	known map[string]Storage
}

func (s *Snapshot) shapes(t Table) *shapes {
	return &shapes{s: s, table: t, known: make(map[string]Storage)}
}

// whole returns the partition with its storage. Partitions of one shape share its slices and maps,
// which are only read.
func (g *shapes) whole(p storedPartition) (Partition, error) {
	storage, ok := g.known[p.Shape]
	if !ok {
		if _, err := g.s.tx.Get(g.s.shapeID(g.table, p.Shape), &storage); err != nil {
			return Partition{}, fault.Newf(fault.Internal, partitionSubject(g.table, p.Values), "its storage: %w", err)
		}
		g.known[p.Shape] = storage
	}
	storage.Location = p.Location
	return Partition{Values: p.Values, Storage: storage, Parameters: p.Parameters, Created: p.Created,
		LastAccess: p.LastAccess, LastAnalyzed: p.LastAnalyzed}, nil
}
