package access

import (
	"strings"
	"testing"
	"time"
)

// TestGlobalKeys has what each kind of caller brings; a key that is not listed is absent.
func TestGlobalKeys(t *testing.T) {
	const user, session, role = "arn:aws:iam::123456789012:user/team/ana", "arn:aws:sts::123456789012:assumed-role/crawl/run", "arn:aws:iam::123456789012:role/team/crawl"
	keys := []string{"aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:userid", "aws:username", "aws:viaawsservice", "aws:calledvia", "aws:calledviafirst",
		"aws:calledvialast", "aws:tokenissuetime", "aws:multifactorauthpresent", "aws:sourceidentity", "aws:principaltag/team", "aws:principalisawsservice",
		"aws:principalservicename", "aws:principalservicenameslist", "aws:sourcearn", "aws:sourceaccount", "aws:sourceip", "aws:useragent", "aws:securetransport",
		"aws:currenttime", "aws:epochtime", "aws:requestedregion", "aws:resourceaccount", "s3:resourceaccount", "aws:sourcevpc", "aws:multifactorauthage", "aws:principaltag/other"}
	here := "aws:currenttime=2026-11-21T05:00:00Z aws:epochtime=1795237200 aws:requestedregion=us-east-1 aws:resourceaccount=999999999999 s3:resourceaccount=999999999999"
	ana := Caller{Account: account, Region: region, Principal: user, ID: "AIDAX", AccessKey: "AKIAX"}
	temporary := ana
	temporary.AccessKey, temporary.Issued = "ASIAX", "2026-11-21T04:00:00Z"
	run := Caller{Account: account, Region: region, Principal: session, Role: role, ID: "AROAX", Session: "run", AccessKey: "ASIAX", Issued: "2026-11-21T04:00:00Z", SourceIdentity: "ben"}
	direct := " aws:principalisawsservice=false aws:sourceip=10.1.2.3 aws:useragent=cli aws:securetransport=false aws:viaawsservice=false"
	for _, tt := range []struct {
		name   string
		caller Caller
		want   string
	}{
		{"root", Root(account, region), direct + " aws:principalarn=arn:aws:iam::123456789012:root aws:principalaccount=123456789012 aws:principaltype=Account aws:userid=123456789012"},
		{"a user", ana, direct + " aws:principalarn=" + user + " aws:principalaccount=123456789012 aws:principaltype=User aws:userid=AIDAX aws:username=ana"},
		{"a user's session", temporary, direct + " aws:principalarn=" + user + " aws:principalaccount=123456789012 aws:principaltype=User aws:userid=AIDAX aws:username=ana aws:tokenissuetime=2026-11-21T04:00:00Z aws:multifactorauthpresent=false"},
		{"a role's session", run, direct + " aws:principalarn=" + role + " aws:principalaccount=123456789012 aws:principaltype=AssumedRole aws:userid=AROAX:run aws:tokenissuetime=2026-11-21T04:00:00Z aws:multifactorauthpresent=false aws:sourceidentity=ben"},
		{"a user through a service", ana.Via("athena.amazonaws.com", "arn:aws:athena:…"), " aws:principalisawsservice=false aws:securetransport=true aws:viaawsservice=true aws:calledvia=athena.amazonaws.com aws:calledviafirst=athena.amazonaws.com aws:calledvialast=athena.amazonaws.com" +
			" aws:principalarn=" + user + " aws:principalaccount=123456789012 aws:principaltype=User aws:userid=AIDAX aws:username=ana"},
		{"a service", ServicePrincipal(account, region, "logs.us-east-1.amazonaws.com", "arn:aws:logs:…"), " aws:principalisawsservice=true aws:securetransport=true aws:principalservicename=logs.us-east-1.amazonaws.com" +
			" aws:principalservicenameslist=logs.us-east-1.amazonaws.com,logs.amazonaws.com aws:sourcearn=arn:aws:logs:… aws:sourceaccount=123456789012"},
	} {
		g := globals{caller: tt.caller, request: &Request{SourceIP: "10.1.2.3", UserAgent: "cli"}, owner: "999999999999", now: time.Unix(1795237200, 0)}
		if !tt.caller.IsService() {
			g.tags = map[string]string{"Team": "blue"}
			tt.want += " aws:principaltag/team=blue"
		}
		want := map[string]bool{}
		for pair := range strings.FieldsSeq(here + tt.want) {
			want[pair] = true
		}
		for _, key := range keys {
			if values := g.find(key); values != nil {
				if pair := key + "=" + strings.Join(values, ","); !want[pair] {
					t.Errorf("%s: has %s", tt.name, pair)
				} else {
					delete(want, pair)
				}
			}
		}
		for pair := range want {
			t.Errorf("%s: has not %s", tt.name, pair)
		}
	}
}
