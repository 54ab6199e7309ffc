// Package flow is the VPC flow-log record: its fields from version 2 to 11, the formats that name
// them, and reading and writing one record as a line of text.
//
// It never reads files and never guesses: a field that it does not know is an error with the closest
// name, and a line is only called a flow record when every column of it fits.
//
// Source: VPC user guide, "Flow log records".
package flow

import "strings"

// Type is the type of a field's values, as flow logs delivered in Parquet have it.
type Type uint8

// The types. Text delivery writes all of them as text, and a value that is absent as "-".
const (
	String Type = iota
	Int32
	Int64
)

// Hive returns the type as DDL spells it: string, int or bigint.
func (t Type) Hive() string {
	switch t {
	case Int32:
		return "int"
	case Int64:
		return "bigint"
	default:
		return "string"
	}
}

func (t Type) String() string { return t.Hive() }

// Field is one field that a flow-log format may name.
type Field struct {
	Name    string // as formats and headers spell it: "account-id"
	Type    Type
	Version int // the flow-log version that introduced it, 2 to 11
}

// Column returns the field's name as a column of a table: "account_id".
func (f Field) Column() string { return strings.ReplaceAll(f.Name, "-", "_") }

var catalogue = buildCatalogue()

// byName finds a field's place in the catalogue by either spelling of its name.
var byName = indexCatalogue()

func buildCatalogue() []Field {
	var all []Field
	add := func(version int, t Type, names ...string) {
		for _, name := range names {
			all = append(all, Field{Name: name, Type: t, Version: version})
		}
	}
	add(2, Int32, "version")
	add(2, String, "account-id", "interface-id", "srcaddr", "dstaddr")
	add(2, Int32, "srcport", "dstport", "protocol")
	add(2, Int64, "packets", "bytes", "start", "end")
	add(2, String, "action", "log-status")

	add(3, String, "vpc-id", "subnet-id", "instance-id")
	add(3, Int32, "tcp-flags")
	add(3, String, "type", "pkt-srcaddr", "pkt-dstaddr")

	add(4, String, "region", "az-id", "sublocation-type", "sublocation-id")

	add(5, String, "pkt-src-aws-service", "pkt-dst-aws-service", "flow-direction")
	add(5, Int32, "traffic-path")

	add(6, String, "resource-type", "tgw-id", "tgw-attachment-id",
		"tgw-src-vpc-account-id", "tgw-dst-vpc-account-id", "tgw-src-vpc-id", "tgw-dst-vpc-id",
		"tgw-src-subnet-id", "tgw-dst-subnet-id", "tgw-src-eni", "tgw-dst-eni",
		"tgw-src-az-id", "tgw-dst-az-id", "tgw-pair-attachment-id")
	add(6, Int64, "packets-lost-no-route", "packets-lost-blackhole", "packets-lost-mtu-exceeded", "packets-lost-ttl-expired")

	add(7, String, "ecs-cluster-arn", "ecs-cluster-name", "ecs-container-instance-arn", "ecs-container-instance-id",
		"ecs-container-id", "ecs-second-container-id", "ecs-service-name", "ecs-task-definition-arn",
		"ecs-task-arn", "ecs-task-id")

	add(8, String, "reject-reason")
	add(9, String, "resource-id")
	add(10, Int32, "encryption-status")

	add(11, String, "instance-tag", "instance-tag-2", "interface-tag", "interface-tag-2", "asg-tag", "asg-tag-2",
		"interface-type", "next-hop-interface-id", "next-hop-subnet-id", "next-hop-az-id", "next-hop-vpc-id",
		"next-hop-interface-type")
	return all
}

func indexCatalogue() map[string]int {
	index := make(map[string]int, 2*len(catalogue))
	for i, f := range catalogue {
		index[f.Name], index[f.Column()] = i, i
	}
	return index
}

// Fields returns every field, by version and in documented order. The slice is the caller's.
func Fields() []Field { return append([]Field(nil), catalogue...) }

// Lookup finds a field by its name, spelled with "-" as in formats or with "_" as in tables, in any case.
func Lookup(name string) (Field, bool) {
	i, ok := byName[name]
	if !ok {
		i, ok = byName[strings.ToLower(name)]
	}
	if !ok {
		return Field{}, false
	}
	return catalogue[i], true
}

// DefaultFormat returns the fields of the default format: version 2 in documented order.
// The slice is the caller's.
func DefaultFormat() []Field {
	n := 0
	for n < len(catalogue) && catalogue[n].Version == 2 {
		n++
	}
	return append([]Field(nil), catalogue[:n]...)
}

// Version returns the version that records of these fields carry: the highest among them.
func Version(fields []Field) int {
	v := 2
	for _, f := range fields {
		v = max(v, f.Version)
	}
	return v
}
