package logs

import (
	"context"

	"flowlake/access"
)

// Next returns the sequence that a group's next event will have, and the group's id. It returns fault.NotFound without the group.
func (s *Store) Next(ctx context.Context, c access.Caller, group string) (next, groupID uint64, err error) {
	g, err := s.group(ctx, c, group)
	if err != nil {
		return 0, 0, err
	}
	l, err := s.live(g.ID)
	if err != nil {
		return 0, 0, err
	}
	return l.durable.Load(), g.ID, nil
}
