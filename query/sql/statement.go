package sql

import "strings"

// leading maps the first word of a statement to its parser. A statement that is known but not done
// here is refused by name; to add one is to put its parser in its place.
var leading map[string]func(*parser) Statement

func init() {
	leading = map[string]func(*parser) Statement{
		"ALTER": (*parser).alter, "CREATE": (*parser).create, "DESC": (*parser).describe, "DESCRIBE": (*parser).describe,
		"DROP": (*parser).drop, "MSCK": (*parser).repair, "SHOW": (*parser).showStatement,
	}
	for _, words := range []string{"ANALYZE", "CALL", "COMMENT ON", "COMMIT", "DEALLOCATE PREPARE", "DELETE", "DENY",
		"EXECUTE", "EXPLAIN", "EXPORT TABLE", "GRANT", "IMPORT TABLE", "INSERT INTO", "LOAD DATA", "LOCK", "MERGE INTO",
		"OPTIMIZE", "PREPARE", "REFRESH", "RESET", "REVOKE", "ROLLBACK", "SET", "START TRANSACTION", "TRUNCATE TABLE",
		"UNLOAD", "UNLOCK", "UPDATE", "USE", "VACUUM"} {
		first, _, _ := strings.Cut(words, " ")
		leading[first] = func(p *parser) Statement { return p.refused(words) }
	}
}

// refused stops the parse: the statement that begins here is not done.
func (p *parser) refused(words string) Statement {
	p.unsupported(p.pos, words)
	return nil
}

// statement reads one statement.
func (p *parser) statement() Statement {
	if t := p.cur(); t.kind == tokWord {
		// A query's words are reserved; these are not all, but no query begins with a name.
		if parse := leading[t.word]; parse != nil {
			return parse(p)
		}
		if beginsQuery(t.word) {
			return p.query()
		}
	}
	if p.isOp("(") {
		return p.query()
	}
	for _, w := range [...]string{"ALTER", "CREATE", "DESCRIBE", "DROP", "MSCK", "SHOW"} {
		p.noteWord(w)
	}
	p.note("<query>")
	p.fail()
	return nil
}

// create reads what begins with CREATE.
func (p *parser) create() Statement {
	at, start := p.pos, p.start()
	p.need("CREATE")
	switch {
	case p.word("DATABASE"), p.word("SCHEMA"):
		return p.createDatabase(start)
	case p.word("EXTERNAL"):
		p.need("TABLE")
		return p.createTable(start)
	case p.word("TABLE"):
		p.unsupported(at, p.plainTable())
	case p.words("OR", "REPLACE"):
		if p.word("VIEW") {
			return p.createView(start, true)
		}
		for _, w := range [...]string{"TABLE", "FUNCTION"} {
			if p.isWord(w) {
				p.unsupported(at, "CREATE OR REPLACE "+w)
			}
		}
	case p.word("VIEW"):
		return p.createView(start, false)
	default:
		for _, w := range [...]string{"CATALOG", "FUNCTION", "INDEX", "MACRO", "MATERIALIZED VIEW", "PROTECTED", "ROLE",
			"TEMPORARY"} {
			if first, _, _ := strings.Cut(w, " "); p.isWord(first) {
				p.unsupported(at, "CREATE "+w)
			}
		}
	}
	p.fail()
	return nil
}

// plainTable says what a CREATE TABLE without EXTERNAL is.
func (p *parser) plainTable() string {
	depth := 0
	iceberg := false
	for i := p.pos; i < len(p.toks); i++ {
		t := p.toks[i]
		switch {
		case t.kind == tokOp && t.word == "(":
			depth++
		case t.kind == tokOp && t.word == ")":
			depth--
		case t.kind == tokWord && t.word == "AS" && depth == 0:
			return "CREATE TABLE AS SELECT"
		case (t.kind == tokString || t.kind == tokQuoted) && strings.EqualFold(unquote(p.text[t.start:t.end]), "iceberg"):
			iceberg = true
		}
	}
	if iceberg {
		return "CREATE TABLE for Apache Iceberg"
	}
	return "CREATE TABLE without EXTERNAL"
}

func (p *parser) ifNotExists() bool {
	// IF alone could begin a name in backticks only: it is reserved.
	if !p.word("IF") {
		return false
	}
	p.need("NOT", "EXISTS")
	return true
}

func (p *parser) ifExists() bool {
	if p.hive || p.follows("EXISTS") {
		if p.word("IF") {
			p.need("EXISTS")
			return true
		}
	}
	return false
}

func (p *parser) createDatabase(start int) Statement {
	s := &CreateDatabase{IfNotExists: p.ifNotExists(), Name: p.anyName()}
	if p.word("COMMENT") {
		s.Comment = p.stringLiteral()
	}
	if p.word("LOCATION") {
		s.Location = p.stringLiteral()
	}
	if p.word("WITH") {
		p.need("DBPROPERTIES")
		s.Properties = p.properties()
	}
	s.Span = p.span(start)
	return s
}

// properties reads ('key' = 'value', …). A key must not come twice.
func (p *parser) properties() []Property {
	p.needOp("(")
	var list []Property
	seen := map[string]bool{}
	p.commas(func() {
		at, start := p.pos, p.start()
		prop := Property{Key: *p.stringLiteral()}
		if seen[prop.Key.Value] {
			p.refuse(at, "the property "+p.show(p.toks[at])+" is given twice", "")
		}
		seen[prop.Key.Value] = true
		p.needOp("=")
		prop.Value = *p.stringLiteral()
		prop.Span = p.span(start)
		list = append(list, prop)
	})
	p.needOp(")")
	return list
}

func (p *parser) createView(start int, replace bool) Statement {
	s := &CreateView{OrReplace: replace}
	if p.isWord("IF") && p.follows("NOT") {
		p.unsupported(p.pos, "IF NOT EXISTS of a view (use CREATE OR REPLACE VIEW)")
	}
	s.Name = p.anyName()
	if p.op("(") {
		p.commas(func() {
			s.Columns = append(s.Columns, p.ident())
		})
		p.needOp(")")
	}
	if p.word("COMMENT") {
		s.Comment = p.stringLiteral()
	}
	if p.isWord("SECURITY") {
		p.unsupported(p.pos, "SECURITY of a view")
	}
	p.need("AS")
	s.Query = p.query()
	s.Span = p.span(start)
	return s
}

// drop reads what begins with DROP.
func (p *parser) drop() Statement {
	at, start := p.pos, p.start()
	p.need("DROP")
	switch {
	case p.word("DATABASE"), p.word("SCHEMA"):
		s := &DropDatabase{IfExists: p.ifExists(), Name: p.anyName()}
		if !p.word("RESTRICT") {
			s.Cascade = p.word("CASCADE")
		}
		s.Span = p.span(start)
		return s
	case p.word("TABLE"):
		s := &DropTable{IfExists: p.ifExists(), Name: p.anyName()}
		if p.isWord("PURGE") {
			p.unsupported(p.pos, "PURGE of a table")
		}
		s.Span = p.span(start)
		return s
	case p.word("VIEW"):
		s := &DropView{IfExists: p.ifExists(), Name: p.name(p.eitherIdent)}
		s.Span = p.span(start)
		return s
	}
	for _, w := range [...]string{"CATALOG", "FUNCTION", "INDEX", "MACRO", "MATERIALIZED VIEW", "ROLE", "TEMPORARY"} {
		if first, _, _ := strings.Cut(w, " "); p.isWord(first) {
			p.unsupported(at, "DROP "+w)
		}
	}
	p.fail()
	return nil
}

// eitherIdent reads a name in backticks or double quotes: DROP VIEW knows both.
func (p *parser) eitherIdent() Ident {
	if t := p.cur(); t.kind == tokBacktick {
		p.pos++
		return p.identOf(t)
	}
	return p.ident()
}

func (p *parser) repair() Statement {
	start := p.start()
	p.need("MSCK", "REPAIR", "TABLE")
	s := &RepairTable{Table: p.anyName()}
	for _, w := range [...]string{"ADD", "DROP", "SYNC"} {
		if p.isWord(w) && p.follows("PARTITIONS") {
			p.unsupported(p.pos, "MSCK REPAIR TABLE … "+w+" PARTITIONS")
		}
	}
	s.Span = p.span(start)
	return s
}

// alter reads ALTER TABLE … {ADD|DROP} PARTITION and refuses the other ALTERs by name.
func (p *parser) alter() Statement {
	at, start := p.pos, p.start()
	p.need("ALTER")
	for _, w := range [...]string{"DATABASE", "SCHEMA", "VIEW", "INDEX"} {
		if p.isWord(w) {
			p.unsupported(at, "ALTER "+w)
		}
	}
	p.need("TABLE")
	table := p.anyName()
	switch {
	case p.word("ADD"):
		if p.isWord("COLUMN") || p.isWord("COLUMNS") {
			p.unsupported(at, "ALTER TABLE ADD COLUMNS")
		}
		return p.addPartitions(start, table)
	case p.word("DROP"):
		if p.isWord("COLUMN") || p.isWord("COLUMNS") {
			p.unsupported(at, "ALTER TABLE DROP COLUMN")
		}
		return p.dropPartitions(start, table)
	case p.word("REPLACE"):
		p.need("COLUMNS")
		p.unsupported(at, "ALTER TABLE REPLACE COLUMNS")
	case p.word("CHANGE"):
		p.unsupported(at, "ALTER TABLE CHANGE COLUMN")
	case p.word("RENAME"):
		p.need("TO")
		p.unsupported(at, "ALTER TABLE RENAME TO")
	case p.word("SET"):
		w := p.oneOf("LOCATION", "TBLPROPERTIES", "SERDEPROPERTIES", "SERDE", "FILEFORMAT")
		if w == "" {
			p.fail()
		}
		p.unsupported(at, "ALTER TABLE SET "+w)
	case p.word("PARTITION"):
		p.partitionSpec()
		if p.word("SET") {
			w := p.oneOf("LOCATION", "SERDEPROPERTIES", "SERDE", "FILEFORMAT")
			if w == "" {
				p.fail()
			}
			p.unsupported(at, "ALTER TABLE PARTITION SET "+w)
		}
		p.need("RENAME", "TO")
		p.unsupported(at, "ALTER TABLE RENAME PARTITION")
	default:
		for _, w := range [...]string{"ARCHIVE", "CLUSTERED", "COMPACT", "CONCATENATE", "EXCHANGE", "SKEWED", "TOUCH",
			"UNARCHIVE", "UNSET", "NOT", "EXECUTE"} {
			if p.isWord(w) {
				p.unsupported(at, "ALTER TABLE "+w)
			}
		}
	}
	p.fail()
	return nil
}

func (p *parser) addPartitions(start int, table Name) Statement {
	s := &AddPartitions{Table: table, IfNotExists: p.ifNotExists()}
	if !p.isWord("PARTITION") {
		p.noteWord("PARTITION")
		p.fail()
	}
	for {
		begin := p.start()
		if !p.word("PARTITION") {
			break
		}
		part := NewPartition{Spec: p.partitionSpec()}
		if p.word("LOCATION") {
			part.Location = p.stringLiteral()
		}
		part.Span = p.span(begin)
		s.Partitions = append(s.Partitions, part)
	}
	if p.isOp(",") {
		p.note("<EOF>")
		p.failHint("The partitions of ADD follow one another without commas")
	}
	s.Span = p.span(start)
	return s
}

func (p *parser) dropPartitions(start int, table Name) Statement {
	s := &DropPartitions{Table: table, IfExists: p.ifExists()}
	p.commas(func() {
		p.need("PARTITION")
		s.Partitions = append(s.Partitions, p.partitionSpec())
	})
	if p.isWord("PURGE") {
		p.unsupported(p.pos, "PURGE of partitions")
	}
	s.Span = p.span(start)
	return s
}

// partitionSpec reads (key = value, …).
func (p *parser) partitionSpec() PartitionSpec {
	start := p.start()
	p.needOp("(")
	var spec PartitionSpec
	seen := map[string]bool{}
	p.commas(func() {
		at, begin := p.pos, p.start()
		v := PartitionValue{Name: p.columnIdent()}
		if seen[v.Name.Key()] {
			p.refuse(at, "the partition key "+p.show(p.toks[at])+" is given twice", "")
		}
		seen[v.Name.Key()] = true
		for _, op := range [...]string{"<", "<=", ">", ">=", "<>", "!="} {
			if p.isOp(op) {
				p.unsupported(p.pos, "a partition specification with "+op)
			}
		}
		p.needOp("=")
		v.Value = p.partitionValue()
		v.Span = p.span(begin)
		spec.Keys = append(spec.Keys, v)
	})
	p.needOp(")")
	spec.Span = p.span(start)
	return spec
}

// partitionValue reads a literal: a string, a signed number, a boolean, or a type before a string.
func (p *parser) partitionValue() Expr {
	muted := p.begin("<literal>")
	defer func() { p.muted = muted }()
	start := p.start()
	if s := p.stringIf(); s != nil {
		return s
	}
	switch t := p.cur(); {
	case t.kind == tokOp && (t.word == "-" || t.word == "+"):
		p.pos++
		if !p.isNumber() {
			p.fail()
		}
		x := p.number()
		return &Unary{Span: p.span(start), Op: t.word, X: x}
	case p.isNumber():
		return p.number()
	case t.kind == tokWord && (t.word == "TRUE" || t.word == "FALSE"):
		p.pos++
		return &Boolean{Span: p.span(start), Value: t.word == "TRUE"}
	case t.kind == tokWord && (t.word == "DATE" || t.word == "TIMESTAMP"):
		p.pos++
		v := p.stringLiteral()
		return &Typed{Span: p.span(start), Type: strings.ToLower(t.word), Value: *v}
	}
	p.fail()
	return nil
}
