package translate_test

import "flowlake/query/sql/translate"

const flowColumns = "version int; account_id string; interface_id string; srcaddr string; dstaddr string; srcport int; dstport int; protocol bigint; packets bigint; bytes bigint; start bigint; end bigint; action string; log_status string"

var catalog = world{
	"db.vpc_flow_logs": {Columns: columns(flowColumns), Keys: columns("date date")},
	"db.daily":         {Columns: columns("srcaddr string; bytes bigint"), Keys: columns("year string; month string; day string")},
	"db.hourly":        {Columns: columns("srcaddr string; bytes bigint"), Keys: columns("region string; hour int")},
	"db.flow_logs":     {Columns: columns("srcaddr string; dstaddr string; dstport string; protocol int; packets bigint; action string; start timestamp")},
	"db.a":             {Columns: columns("x int; y string; z double")},
	"db.c":             {Columns: columns("x bigint; w string")},
	"db.nested":        {Columns: columns("id int; tags array<string>; props map<string,int>; info struct<name:string,size:int>; price decimal(10,2); at timestamp; raw binary")},
	"other.t":          {Columns: columns("k string; v int")},
	"db.v": {Columns: columns("k string; n bigint"),
		View: "SELECT k, count(*) AS n FROM t GROUP BY k", ViewDatabase: "other"},
	"db.vpc_flow_logs_kst": {View: `SELECT
  "version"
, "account_id"
, "srcaddr"
, "bytes"
, ("from_unixtime"("start") + INTERVAL  '9' HOUR) "start"
, ("from_unixtime"("end") + INTERVAL  '9' HOUR) "end"
, "action"
, "date"
FROM
  vpc_flow_logs
`},
	"db.broken_view": {View: "SELECT nothing FROM a"},
	"db.loop":        {View: "SELECT * FROM loop"},
}

var _ translate.Catalog = catalog

// tables makes the tables of catalog: two underscores stand between database and name.
const tables = `
CREATE TABLE db__vpc_flow_logs (version INTEGER, account_id VARCHAR, interface_id VARCHAR, srcaddr VARCHAR, dstaddr VARCHAR, srcport INTEGER, dstport INTEGER, protocol BIGINT, packets BIGINT, bytes BIGINT, start BIGINT, "end" BIGINT, action VARCHAR, log_status VARCHAR, date DATE);
INSERT INTO db__vpc_flow_logs VALUES
 (2, '1234', 'eni-1', '10.0.0.1', '10.0.0.2', 44000, 443, 6, 10, 1000, 1661731200, 1661731260, 'ACCEPT', 'OK', DATE '2022-08-29'),
 (2, '1234', 'eni-1', '10.0.0.3', '10.0.0.2', 44001, 22, 6, 5, 500, 1661731210, 1661731270, 'REJECT', 'OK', DATE '2022-08-29'),
 (2, '1234', 'eni-2', '10.0.0.1', '10.0.0.9', 44002, 53, 17, 1, 80, 1661644800, 1661644860, 'ACCEPT', 'OK', DATE '2022-08-28'),
 (2, '1234', 'eni-2', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1661644900, 1661644960, NULL, 'NODATA', DATE '2022-08-28');
CREATE TABLE db__daily (srcaddr VARCHAR, bytes BIGINT, year VARCHAR, month VARCHAR, day VARCHAR);
CREATE TABLE db__hourly (srcaddr VARCHAR, bytes BIGINT, region VARCHAR, hour INTEGER);
CREATE TABLE db__flow_logs (srcaddr VARCHAR, dstaddr VARCHAR, dstport VARCHAR, protocol INTEGER, packets BIGINT, action VARCHAR, start TIMESTAMP);
INSERT INTO db__flow_logs VALUES ('1.1.1.1', '2.2.2.2', '443', 6, 7, 'REJECT', TIMESTAMP '2026-03-01 00:00:00'), ('1.1.1.1', '2.2.2.3', '80', 6, 3, 'ACCEPT', TIMESTAMP '2025-03-01 00:00:00');
CREATE TABLE db__a (x INTEGER, y VARCHAR, z DOUBLE);
INSERT INTO db__a VALUES (1, 'one', 1.5), (2, 'two', 'NaN'), (3, NULL, NULL), (NULL, 'null', -1);
CREATE TABLE db__c (x BIGINT, w VARCHAR);
INSERT INTO db__c VALUES (1, 'uno'), (2, 'dos'), (2, 'dos bis'), (9, 'nueve');
CREATE TABLE db__nested (id INTEGER, tags VARCHAR[], props MAP(VARCHAR, INTEGER), info STRUCT(name VARCHAR, size INTEGER), price DECIMAL(10,2), "at" TIMESTAMP, raw BLOB);
INSERT INTO db__nested VALUES
 (1, ['a', 'b'], MAP {'p': 1, 'q': 2}, {'name': 'n1', 'size': 10}, 12.50, TIMESTAMP '2026-01-31 12:00:00.500', 'abc'),
 (2, [], MAP {}, NULL, 0.99, TIMESTAMP '2026-02-28 00:00:00', NULL),
 (3, NULL, NULL, {'name': NULL, 'size': 3}, NULL, NULL, '\xFF');
CREATE TABLE other__t (k VARCHAR, v INTEGER);
INSERT INTO other__t VALUES ('a', 1), ('a', 2), ('b', 3);
`
