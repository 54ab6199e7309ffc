package destination

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"flowlake/delivery"
	"flowlake/delivery/prefix"
	"flowlake/fault"
)

// Reject puts the records of a batch that cannot be written below the error prefix, as they came in: events as the records of their
// subscription. The source's backup is written as ever. It meets delivery.Rejecter.
func (w *Writer) Reject(ctx context.Context, b *delivery.Batch, reason error, out *delivery.Output) error {
	var s Settings
	if err := json.Unmarshal(b.Stream.Settings, &s); err != nil {
		return fault.Newf(fault.Internal, "delivery stream "+b.Stream.Name, "its settings cannot be read: %w", err)
	}
	places, err := s.places() // the rest of the settings may be what it fails for
	if err != nil {
		return err
	}
	r := &run{ready: &ready{settings: places}, batch: b, out: out}
	kind, code, message := s.verdict(reason)
	put := func(record delivery.Record, rows int) error {
		out.Failed(int64(rows))
		now, arrival, attempts := time.Now().UnixMilli(), record.Arrival.UnixMilli(), b.Stream.Failure.Attempts+1
		if kind == prefix.ConversionFailed {
			return r.write(ctx, kind, conversionFailure{Attempts: attempts, Arrival: arrival, Code: code, Message: message, Ending: now, Raw: record.Data,
				Sequence: strconv.FormatUint(record.Sequence, 10), Table: r.failedTable(s.Conversion.Schema.Table, "LATEST")})
		}
		return r.write(ctx, kind, processingFailure{Attempts: attempts, Arrival: arrival, Code: code, Message: message, Ending: now, Raw: record.Data})
	}
	for g, err := range b.Segments(ctx) {
		if err != nil {
			return err
		}
		if s.backs() {
			if err := r.back(ctx, g); err != nil {
				return err
			}
		}
		for _, record := range g.Records {
			if err := put(record, 1); err != nil {
				return err
			}
		}
		if g.Events != nil {
			if err := g.Events.Envelopes(put); err != nil {
				return err
			}
		}
	}
	return r.close()
}

// verdict is what a batch's failure is called: as AWS calls it where a conversion's table is the reason.
func (s *Settings) verdict(reason error) (kind, code, message string) {
	switch known := fault.KindOf(reason); {
	case known == fault.Internal:
		return prefix.ProcessingFailed, "Delivery.InternalFailure", "The batch met a defect of flowlake; the server's log has it."
	case s.converts() && known == fault.NotFound:
		return prefix.ConversionFailed, "DataFormatConversion.EntityNotFound", reason.Error()
	case s.converts() && (known == fault.Invalid || known == fault.Unsupported) && !fault.HasNoun(reason, "processor"):
		return prefix.ConversionFailed, "DataFormatConversion.InvalidSchema", reason.Error()
	}
	return prefix.ProcessingFailed, "Delivery.Failed", reason.Error()
}
