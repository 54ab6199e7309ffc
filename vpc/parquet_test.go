package vpc

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	other "github.com/parquet-go/parquet-go"

	"flowlake/flow"
)

// TestParquetSchemasOfEveryVersion holds the schema of a file with all fields up to a version, as another reader sees it.
func TestParquetSchemasOfEveryVersion(t *testing.T) {
	for version := 2; version <= 11; version++ {
		t.Run(fmt.Sprintf("v%d", version), func(t *testing.T) {
			var fields []flow.Field
			for _, f := range flow.Fields() {
				if f.Version <= version {
					fields = append(fields, f)
				}
			}
			var b bytes.Buffer
			p := must(newParquetFile(&b, fields))(t)
			if err := p.close(); err != nil {
				t.Fatal(err)
			}
			file := must(other.OpenFile(bytes.NewReader(b.Bytes()), int64(b.Len())))(t)
			golden(t, fmt.Sprintf("v%d.schema", version), file.Schema().String()+"\n")
		})
	}
}

func TestParquetFilesAreReadByOthers(t *testing.T) {
	h := open(t, 50*time.Millisecond)
	v, _, enis := h.network(1)
	h.bucket("flows")
	f := h.flowLog(FlowLogInput{Resources: []string{v.ID}, ResourceType: "VPC", Traffic: "ALL", Type: ToS3, Destination: "arn:aws:s3:::flows", Options: Options{Parquet: true}})
	now := time.Now()
	lines := records(now)
	for i := range 997 {
		lines = append(lines, fmt.Sprintf("2 999 %%E 10.0.%d.%d 10.0.1.5 443 51000 6 10 %d %d %d ACCEPT OK", i%7, i%251, 40+i*i, now.Unix(), now.Unix()+59))
	}
	h.put(f, enis[0].ID, lines...)
	for key, data := range h.objects("flows", "", 1) {
		if !strings.HasSuffix(key, ".log.parquet") {
			t.Errorf("got key %s", key)
		}
		file := must(other.OpenFile(bytes.NewReader(data), int64(len(data))))(t)
		codecs := map[string]int{}
		for _, g := range file.Metadata().RowGroups {
			for _, c := range g.Columns {
				codecs[c.MetaData.Codec.String()]++
			}
		}
		if codecs["GZIP"] == 0 || codecs["GZIP"]+codecs["UNCOMPRESSED"] != 14 { // what gzip does not make smaller is left as it is
			t.Errorf("got codecs %v", codecs)
		}
		type row struct {
			Interface string  `parquet:"interface_id"`
			Source    *string `parquet:"srcaddr"`
			Port      *int32  `parquet:"dstport"`
			Bytes     *int64  `parquet:"bytes"`
			End       *int64  `parquet:"end"`
			Status    string  `parquet:"log_status"`
		}
		r := other.NewGenericReader[row](bytes.NewReader(data))
		rows := make([]row, 1001)
		n, err := r.Read(rows)
		if n != 1000 || err != io.EOF {
			t.Fatalf("%d rows, %v", n, err)
		}
		if a := rows[0]; a.Interface != enis[0].ID || *a.Source != "10.0.1.4" || *a.Port != 51000 || *a.Bytes != 840 || *a.End != now.Unix()+59 {
			t.Errorf("got %+v", a)
		}
		if a := rows[2]; a.Source != nil || a.Port != nil || a.Bytes != nil || a.Status != "NODATA" {
			t.Errorf("got %+v", a)
		}
	}
}
