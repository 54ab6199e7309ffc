package flowlake

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/lake"
)

// MovePath takes a POST of a MoveRequest as JSON, and answers with nothing once all of it is done.
const MovePath = "/move"

// MoveRequest renames and removes objects at once, or does nothing. S3 has no such operation.
type MoveRequest struct {
	Moves   []lake.Move
	Removes []lake.Ref
}

// maxMoved bounds a request: its keys are locked together, and are one batch of the index.
const maxMoved = 100_000

func (d *door) moveRow() wire.Operation {
	// The objects are in the body: the room asks for s3:PutObject, s3:GetObject and s3:DeleteObject on them.
	return wire.Raw("MoveObjects", wire.RawRow{Permissions: []wire.RawPermission{{Action: "flowlake:MoveObjects"}}, MaxBody: 64 << 20}, d.move)
}

func (d *door) move(ctx context.Context, call *wire.Call) error {
	body, err := io.ReadAll(call.Body)
	if err != nil {
		return err
	}
	var r MoveRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return fault.Newf(fault.Invalid, "request", "is not the JSON of a move: %w", err)
	}
	if n := len(r.Moves) + len(r.Removes); n > maxMoved {
		return fault.Newf(fault.Limit, "request", "has %d objects; at most %d are allowed", n, maxMoved)
	}
	if err := d.lake.Move(ctx, call.Caller, r.Moves, r.Removes); err != nil {
		return err
	}
	call.Writer.WriteHeader(http.StatusOK)
	return nil
}
