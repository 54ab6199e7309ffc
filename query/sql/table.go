package sql

import (
	"fmt"
	"strings"
)

// createTable reads CREATE EXTERNAL TABLE from its IF NOT EXISTS on, the clauses in the order of
// Athena's reference.
//
// Source: Athena user guide, "CREATE TABLE"
func (p *parser) createTable(start int) Statement {
	s := &CreateTable{IfNotExists: p.ifNotExists(), Name: p.anyName()}
	if p.isWord("LIKE") {
		p.unsupported(p.pos, "CREATE EXTERNAL TABLE … LIKE")
	}
	if p.op("(") {
		s.Columns = p.columns()
	}
	if p.word("COMMENT") {
		s.Comment = p.stringLiteral()
	}
	if p.word("PARTITIONED") {
		p.need("BY")
		p.needOp("(")
		s.PartitionedBy = p.columns()
	}
	begin := p.start()
	if p.word("CLUSTERED") {
		s.Buckets = p.buckets(begin)
	}
	if p.isWord("SKEWED") {
		p.unsupported(p.pos, "SKEWED BY")
	}
	begin = p.start()
	if p.word("ROW") {
		s.RowFormat = p.rowFormat(begin)
	}
	begin = p.start()
	if p.word("STORED") {
		s.StoredAs = p.storedAs(begin)
	}
	if (s.RowFormat == nil || s.RowFormat.Properties == nil) && p.word("WITH") {
		p.serdeProperties(s)
	}
	if p.word("LOCATION") {
		s.Location = p.stringLiteral()
	}
	if p.word("TBLPROPERTIES") {
		s.Properties = p.properties()
	}
	if p.isWord("AS") {
		p.unsupported(p.pos, "CREATE EXTERNAL TABLE … AS")
	}
	s.Span = p.span(start)
	if !p.isOp(";") {
		p.clauseOrder()
	}
	return s
}

// serdeProperties reads SERDEPROPERTIES (…) behind STORED AS, which is where Athena's reference puts it.
func (p *parser) serdeProperties(s *CreateTable) {
	at := p.pos - 1
	p.need("SERDEPROPERTIES")
	props := p.properties()
	switch {
	case s.RowFormat == nil:
		p.refuse(at, "SERDEPROPERTIES without a SerDe", "Name its class before with ROW FORMAT SERDE 'class'")
	case s.RowFormat.SerDe == nil:
		p.refuse(at, "ROW FORMAT DELIMITED takes no SERDEPROPERTIES", "Name a class with ROW FORMAT SERDE, or use FIELDS TERMINATED BY")
	}
	s.RowFormat.Properties = props
	s.RowFormat.Span = p.span(s.RowFormat.Start)
}

// tableClauses are the clauses of CREATE EXTERNAL TABLE by their first word.
var tableClauses = [...]string{"COMMENT", "PARTITIONED", "CLUSTERED", "ROW", "STORED", "WITH", "LOCATION", "TBLPROPERTIES"}

// clauseOrder explains a clause that is known but stands behind one that has to follow it.
func (p *parser) clauseOrder() {
	for _, w := range tableClauses {
		if p.isWord(w) {
			p.note("<EOF>")
			p.failHint("The clauses have one order: COMMENT, PARTITIONED BY, CLUSTERED BY, ROW FORMAT, STORED AS, " +
				"WITH SERDEPROPERTIES, LOCATION, TBLPROPERTIES, each at most once")
		}
	}
}

// columns reads column definitions up to the closing parenthesis. A name must not come twice.
func (p *parser) columns() []ColumnDef {
	var list []ColumnDef
	seen := map[string]bool{}
	p.commas(func() {
		at, start := p.pos, p.start()
		c := ColumnDef{Name: p.columnIdent()}
		if seen[c.Name.Key()] {
			p.refuse(at, "the column "+p.show(p.toks[at])+" is given twice", "")
		}
		seen[c.Name.Key()] = true
		c.Type = p.hiveType()
		if p.word("COMMENT") {
			c.Comment = p.stringLiteral()
		}
		c.Span = p.span(start)
		list = append(list, c)
	})
	p.needOp(")")
	return list
}

func (p *parser) buckets(start int) *Buckets {
	b := &Buckets{}
	p.need("BY")
	p.needOp("(")
	p.commas(func() {
		b.Columns = append(b.Columns, p.columnIdent())
	})
	p.needOp(")")
	if p.word("SORTED") {
		p.need("BY")
		p.needOp("(")
		p.commas(func() {
			b.SortBy = append(b.SortBy, p.columnIdent())
			if !p.word("ASC") && p.isWord("DESC") {
				p.unsupported(p.pos, "SORTED BY … DESC")
			}
		})
		p.needOp(")")
	}
	p.need("INTO")
	b.Count = p.integer()
	p.need("BUCKETS")
	b.Span = p.span(start)
	return b
}

// rowFormat reads what follows ROW: FORMAT SERDE or FORMAT DELIMITED.
func (p *parser) rowFormat(start int) *RowFormat {
	p.need("FORMAT")
	f := &RowFormat{}
	switch {
	case p.word("SERDE"):
		f.SerDe = p.stringLiteral()
		if p.isWord("WITH") {
			p.pos++
			p.need("SERDEPROPERTIES")
			f.Properties = p.properties()
		} else {
			p.noteWord("WITH")
		}
	case p.word("DELIMITED"):
		p.delimited(f)
	default:
		p.fail()
	}
	f.Span = p.span(start)
	return f
}

// delimited reads the clauses of ROW FORMAT DELIMITED, in Hive's order.
func (p *parser) delimited(f *RowFormat) {
	if p.word("FIELDS") {
		f.Fields = p.terminated()
		if p.word("ESCAPED") {
			p.need("BY")
			f.Escaped = p.stringLiteral()
		}
	}
	if p.word("COLLECTION") {
		p.need("ITEMS")
		f.Collections = p.terminated()
	}
	if p.word("MAP") {
		p.need("KEYS")
		f.MapKeys = p.terminated()
	}
	if p.word("LINES") {
		f.Lines = p.terminated()
	}
	if p.word("NULL") {
		p.need("DEFINED", "AS")
		f.Null = p.stringLiteral()
	}
	for _, w := range [...]string{"FIELDS", "ESCAPED", "COLLECTION", "MAP", "LINES"} {
		if p.isWord(w) {
			p.failHint("ROW FORMAT DELIMITED has one order: FIELDS TERMINATED BY, ESCAPED BY, COLLECTION ITEMS TERMINATED BY, " +
				"MAP KEYS TERMINATED BY, LINES TERMINATED BY, NULL DEFINED AS")
		}
	}
}

func (p *parser) terminated() *String {
	p.need("TERMINATED", "BY")
	return p.stringLiteral()
}

// storedAs reads what follows STORED: AS format, or AS INPUTFORMAT … OUTPUTFORMAT ….
func (p *parser) storedAs(start int) *StoredAs {
	s := &StoredAs{}
	if p.isWord("BY") {
		p.unsupported(p.pos-1, "STORED BY")
	}
	p.need("AS")
	switch t := p.cur(); {
	case p.word("INPUTFORMAT"):
		s.Input = p.stringLiteral()
		p.need("OUTPUTFORMAT")
		s.Output = p.stringLiteral()
	case t.kind == tokWord:
		if !storageFormats[t.word] {
			p.refuse(p.pos, fmt.Sprintf("unknown storage format %s", p.show(t)),
				"Athena knows "+strings.Join(formatNames, ", ")+", and INPUTFORMAT with OUTPUTFORMAT")
		}
		p.pos++
		s.Format = t.word
	default:
		p.note("<format>")
		p.fail()
	}
	s.Span = p.span(start)
	return s
}

// Source: Athena user guide, "CREATE TABLE", STORED AS; Hive also calls three of them …FILE.
var (
	formatNames    = []string{"SEQUENCEFILE", "TEXTFILE", "RCFILE", "ORC", "PARQUET", "AVRO", "ION", "JSONFILE"}
	storageFormats = wordSet(strings.Join(formatNames, " ") + " ORCFILE PARQUETFILE AVROFILE")
)
