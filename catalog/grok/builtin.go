package grok

import "fmt"

// builtin holds the stock patterns: the names that Glue documents as built in, and those of Logstash's
// legacy set that people paste from elsewhere. A custom pattern of the same name takes precedence.
//
// Differs from AWS: the originals are for engines with atomic groups, which a search in linear time does not
// have. Where they stand around digits or the characters of a path, a lookahead does the same. What is left:
//   - a NUMBER may be matched without its fraction if only then the rest of the pattern matches;
//   - BOOLEAN ignores case within itself only, not in the rest of the pattern.
//
// Sources: Glue developer guide, "Writing custom classifiers"; Logstash's list of legacy patterns.
var builtin = map[string]string{
	"USERNAME":       `[a-zA-Z0-9._-]+`,
	"USER":           `%{USERNAME}`,
	"EMAILLOCALPART": `[a-zA-Z][a-zA-Z0-9_.+=:-]+`,
	"EMAILADDRESS":   `%{EMAILLOCALPART}@%{HOSTNAME}`,

	"INT":         `[+-]?[0-9]+`,
	"BASE10NUM":   `(?<![0-9.+-])[+-]?(?:[0-9]+(?![0-9])(?:\.[0-9]+(?![0-9]))?|\.[0-9]+(?![0-9]))`,
	"NUMBER":      `%{BASE10NUM}`,
	"BASE16NUM":   `(?<![0-9A-Fa-f])[+-]?(?:0x)?[0-9A-Fa-f]+`,
	"BASE16FLOAT": `\b(?<![0-9A-Fa-f.])[+-]?(?:0x)?(?:[0-9A-Fa-f]+(?:\.[0-9A-Fa-f]*)?|\.[0-9A-Fa-f]+)\b`,
	"BOOLEAN":     `(?i:true|false)`,
	"BOOL":        `true|false`,
	"POSINT":      `\b[1-9][0-9]*\b`,
	"NONNEGINT":   `\b[0-9]+\b`,

	"WORD":         `\b\w+\b`,
	"NOTSPACE":     `\S+`,
	"SPACE":        `\s*`,
	"DATA":         `.*?`,
	"GREEDYDATA":   `.*`,
	"QUOTEDSTRING": "(?<!\\\\)(?:\"(?:\\\\.|[^\\\\\"])*\"|'(?:\\\\.|[^\\\\'])*'|`(?:\\\\.|[^\\\\`])*`)",
	"QS":           `%{QUOTEDSTRING}`,
	"UUID":         `[A-Fa-f0-9]{8}-(?:[A-Fa-f0-9]{4}-){3}[A-Fa-f0-9]{12}`,
	"URN":          `urn:[0-9A-Za-z][0-9A-Za-z-]{0,31}:(?:%[0-9a-fA-F]{2}|[0-9A-Za-z()+,.:=@;$_!*'/?#-])+`,

	// Networks.
	"MAC":        `%{CISCOMAC}|%{WINDOWSMAC}|%{COMMONMAC}`,
	"CISCOMAC":   `(?:[A-Fa-f0-9]{4}\.){2}[A-Fa-f0-9]{4}`,
	"WINDOWSMAC": `(?:[A-Fa-f0-9]{2}-){5}[A-Fa-f0-9]{2}`,
	"COMMONMAC":  `(?:[A-Fa-f0-9]{2}:){5}[A-Fa-f0-9]{2}`,
	"IPV6":       ipv6(),
	"IPV4":       `(?<![0-9])(?:(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]{1,2})\.){3}(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]{1,2})(?![0-9])`,
	"IP":         `%{IPV6}|%{IPV4}`,
	"HOSTNAME":   `\b[0-9A-Za-z][0-9A-Za-z_-]{0,62}(?:\.[0-9A-Za-z][0-9A-Za-z_-]{0,62})*(?:\.?|\b)`,
	"HOST":       `%{HOSTNAME}`,
	"IPORHOST":   `%{HOSTNAME}|%{IP}`,
	"HOSTPORT":   `%{IPORHOST}:%{POSINT:port}`,

	// Paths and addresses of resources.
	"PATH":         `%{UNIXPATH}|%{WINPATH}`,
	"UNIXPATH":     `(?:/(?:[\w%!$@:.,~-]|\\.)*(?![\w%!$@:.,~\\-]))+`,
	"TTY":          `/dev/(?:pts|tty(?:[pq])?)(?:\w+)?/?[0-9]+`,
	"WINPATH":      `(?:[A-Za-z]+:|\\)(?:\\[^\\?*]*)+`,
	"URIPROTO":     `[A-Za-z]+(?:\+[A-Za-z+]+)?`,
	"URIHOST":      `%{IPORHOST}(?::%{POSINT:port})?`,
	"URIPATH":      `(?:/[A-Za-z0-9$.+!*'(){},~:;=@#%_\-]*)+`,
	"URIPARAM":     `\?[A-Za-z0-9$.+!*'|(){},~@#%&/=:;_?\-\[\]]*`,
	"URIPATHPARAM": `%{URIPATH}(?:%{URIPARAM})?`,
	"URI":          `%{URIPROTO}://(?:%{USER}(?::[^@]*)?@)?(?:%{URIHOST})?(?:%{URIPATHPARAM})?`,

	// Dates and times.
	"MONTH": `\b(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|Jun(?:e)?|Jul(?:y)?|Aug(?:ust)?|` +
		`Sep(?:tember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b`,
	"MONTHNUM":           `0?[1-9]|1[0-2]`,
	"MONTHNUM2":          `0[1-9]|1[0-2]`,
	"MONTHDAY":           `0[1-9]|[12][0-9]|3[01]|[1-9]`,
	"DAY":                `Mon(?:day)?|Tue(?:sday)?|Wed(?:nesday)?|Thu(?:rsday)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?`,
	"YEAR":               `(?:\d\d){1,2}`,
	"HOUR":               `2[0123]|[01]?[0-9]`,
	"MINUTE":             `[0-5][0-9]`,
	"SECOND":             `(?:[0-5]?[0-9]|60)(?:[:.,][0-9]+)?`, // 60 is a leap second
	"TIME":               `%{HOUR}:%{MINUTE}:%{SECOND}(?![0-9])`,
	"DATE_US":            `%{MONTHNUM}[/-]%{MONTHDAY}[/-]%{YEAR}`,
	"DATE_EU":            `%{MONTHDAY}[./-]%{MONTHNUM}[./-]%{YEAR}`,
	"DATE":               `%{DATE_US}|%{DATE_EU}`,
	"DATESTAMP":          `%{DATE}[- ]%{TIME}`,
	"DATESTAMP_US":       `%{DATE_US}[- ]%{TIME}`,
	"DATESTAMP_EU":       `%{DATE_EU}[- ]%{TIME}`,
	"ISO8601_TIMEZONE":   `Z|[+-]%{HOUR}(?::?%{MINUTE})`,
	"ISO8601_SECOND":     `%{SECOND}|60`,
	"TIMESTAMP_ISO8601":  `%{YEAR}-%{MONTHNUM}-%{MONTHDAY}[T ]%{HOUR}:?%{MINUTE}(?::?%{SECOND})?%{ISO8601_TIMEZONE}?`,
	"TZ":                 `[PMCE][SD]T|UTC`,
	"DATESTAMP_RFC822":   `%{DAY} %{MONTH} %{MONTHDAY} %{YEAR} %{TIME} %{TZ}`,
	"DATESTAMP_RFC2822":  `%{DAY}, %{MONTHDAY} %{MONTH} %{YEAR} %{TIME} %{ISO8601_TIMEZONE}`,
	"DATESTAMP_OTHER":    `%{DAY} %{MONTH} %{MONTHDAY} %{TIME} %{TZ} %{YEAR}`,
	"DATESTAMP_EVENTLOG": `%{YEAR}%{MONTHNUM2}%{MONTHDAY}%{HOUR}%{MINUTE}%{SECOND}`,
	"CISCOTIMESTAMP":     `%{MONTH} %{MONTHDAY} %{TIME}`,
	"HTTPDATE":           `%{MONTHDAY}/%{MONTH}/%{YEAR}:%{TIME} %{INT}`,
	"HTTPDERROR_DATE":    `%{DAY} %{MONTH} %{MONTHDAY} %{TIME} %{YEAR}`,

	// Syslog.
	"SYSLOGTIMESTAMP": `%{MONTH} +%{MONTHDAY} %{TIME}`,
	"PROG":            `[\w._/%-]+`,
	"SYSLOGPROG":      `%{PROG:program}(?:\[%{POSINT:pid}\])?`,
	"SYSLOGHOST":      `%{IPORHOST}`,
	"SYSLOGFACILITY":  `<%{NONNEGINT:facility}.%{NONNEGINT:priority}>`,
	"SYSLOGBASE":      `%{SYSLOGTIMESTAMP:timestamp} (?:%{SYSLOGFACILITY} )?%{SYSLOGHOST:logsource} %{SYSLOGPROG}:`,
	"SYSLOGLINE":      `%{SYSLOGBASE} %{GREEDYDATA:message}`,
	"MESSAGESLOG":     `%{SYSLOGBASE} %{DATA}`,

	// Web servers.
	"HTTPDUSER": `%{EMAILADDRESS}|%{USER}`,
	"COMMONAPACHELOG": `%{IPORHOST:clientip} %{USER:ident} %{USER:auth} \[%{HTTPDATE:timestamp}\] ` +
		`"(?:%{WORD:verb} %{NOTSPACE:request}(?: HTTP/%{NUMBER:httpversion})?|%{DATA:rawrequest})" ` +
		`%{NUMBER:response} (?:%{NUMBER:bytes}|-)`,
	"COMBINEDAPACHELOG": `%{COMMONAPACHELOG} %{QS:referrer} %{QS:agent}`,
	// In Glue ident is boolean and timestamp a date with a format; neither fits what servers write.
	"COMMONAPACHELOG_DATATYPED": `%{IPORHOST:clientip} %{USER:ident} %{USER:auth} \[%{HTTPDATE:timestamp}\] ` +
		`"(?:%{WORD:verb} %{NOTSPACE:request}(?: HTTP/%{NUMBER:httpversion:float})?|%{DATA:rawrequest})" ` +
		`%{NUMBER:response:int} (?:%{NUMBER:bytes:long}|-)`,
	"HTTPD_COMMONLOG":   `%{COMMONAPACHELOG}`,
	"HTTPD_COMBINEDLOG": `%{COMBINEDAPACHELOG}`,
	"HTTPD20_ERRORLOG":  `\[%{HTTPDERROR_DATE:timestamp}\] \[%{LOGLEVEL:loglevel}\] (?:\[client %{IPORHOST:clientip}\] )?%{GREEDYDATA:message}`,

	"LOGLEVEL": `[Aa]lert|ALERT|[Tt]race|TRACE|[Dd]ebug|DEBUG|[Nn]otice|NOTICE|[Ii]nfo|INFO|` +
		`[Ww]arn?(?:ing)?|WARN?(?:ING)?|[Ee]rr?(?:or)?|ERR?(?:OR)?|[Cc]rit?(?:ical)?|CRIT?(?:ICAL)?|` +
		`[Ff]atal|FATAL|[Ss]evere|SEVERE|EMERG(?:ENCY)?|[Ee]merg(?:ency)?`,
}

// ipv6 builds the pattern of an IPv6 address by how many groups stand before the "::" (or none is left
// out), with an IPv4 address as its last 32 bits, and with a zone.
func ipv6() string {
	const (
		group = `[0-9A-Fa-f]{1,4}`
		octet = `(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`
		v4    = octet + `(?:\.` + octet + `){3}`
	)
	all := fmt.Sprintf(`(?:%[1]s:){7}(?:%[1]s|:)|(?:%[1]s:){6}(?::%[1]s|%[2]s|:)`, group, v4)
	for before := 5; before >= 0; before-- {
		lead := fmt.Sprintf(`(?:%s:){%d}`, group, before)
		if before == 0 {
			lead = ":"
		}
		v4lead := fmt.Sprintf(`(?::%s){0,%d}`, group, 5-before)
		if before == 5 {
			v4lead = ""
		}
		all += fmt.Sprintf(`|%s(?:(?::%s){1,%d}|%s:%s|:)`, lead, group, 7-before, v4lead, v4)
	}
	return `(?:` + all + `)(?:%.+)?`
}
