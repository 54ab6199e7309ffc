package vpc

import (
	"io"

	"flowlake/fault"
	"flowlake/flow"
)

func newParquetFile(io.Writer, []flow.Field) (recordFile, error) {
	return nil, fault.Newf(fault.Unsupported, "file format parquet", "under construction")
}
