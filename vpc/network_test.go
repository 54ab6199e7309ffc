package vpc

import (
	"net/netip"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/state"

	"pgregory.net/rapid"
)

const account = "123456789012"

var root = access.Root(account, "eu-west-1")

// inventoryOnly is the room without the rooms that records go to.
func inventoryOnly(t testing.TB) *Store {
	t.Helper()
	st, err := state.Open(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return &Store{state: st, failed: map[string]string{}, wake: make(chan struct{}, 1)}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestNetworksAreMadeWithinEachOther(t *testing.T) {
	s, ctx := inventoryOnly(t), t.Context()
	v := must(s.CreateVPC(ctx, root, VPCInput{CIDR: "10.0.7.9/16", Tags: Tags{"Name": "main"}}))(t)
	if v.CIDR != "10.0.0.0/16" || !strings.HasPrefix(v.ID, "vpc-0") || len(v.ID) != len("vpc-")+17 || v.Tenancy != "default" {
		t.Errorf("got %+v", v)
	}
	n := must(s.CreateSubnet(ctx, root, SubnetInput{VPC: v.ID, CIDR: "10.0.1.0/28"}))(t)
	if n.Zone != "eu-west-1a" || n.ZoneID != "euw1-az1" {
		t.Errorf("got %+v", n)
	}
	for _, tc := range []struct {
		name string
		err  error
		kind fault.Kind
		noun string
	}{
		{"a VPC of no network", err(s.CreateVPC(ctx, root, VPCInput{CIDR: "10.0.0.0"})), fault.Invalid, "cidr"},
		{"a VPC of IPv6", err(s.CreateVPC(ctx, root, VPCInput{CIDR: "fd00::/16"})), fault.Invalid, "cidr"},
		{"a VPC too large", err(s.CreateVPC(ctx, root, VPCInput{CIDR: "10.0.0.0/8"})), fault.Invalid, "vpc range"},
		{"a VPC too small", err(s.CreateVPC(ctx, root, VPCInput{CIDR: "10.0.0.0/29"})), fault.Invalid, "vpc range"},
		{"a tag of AWS's", err(s.CreateVPC(ctx, root, VPCInput{CIDR: "10.0.0.0/16", Tags: Tags{"aws:x": ""}})), fault.Invalid, "tag"},
		{"a subnet outside", err(s.CreateSubnet(ctx, root, SubnetInput{VPC: v.ID, CIDR: "10.1.0.0/24"})), fault.Invalid, "subnet range"},
		{"a subnet that overlaps", err(s.CreateSubnet(ctx, root, SubnetInput{VPC: v.ID, CIDR: "10.0.1.0/24"})), fault.Conflict, "subnet"},
		{"a subnet of no VPC", err(s.CreateSubnet(ctx, root, SubnetInput{VPC: "vpc-1", CIDR: "10.0.1.0/24"})), fault.NotFound, "vpc"},
		{"a subnet in another region's zone", err(s.CreateSubnet(ctx, root, SubnetInput{VPC: v.ID, CIDR: "10.0.2.0/24", Zone: "us-east-1a"})), fault.Invalid, "zone"},
		{"a zone and another's id", err(s.CreateSubnet(ctx, root, SubnetInput{VPC: v.ID, CIDR: "10.0.2.0/24", Zone: "eu-west-1a", ZoneID: "euw1-az2"})), fault.Invalid, "zone"},
		{"another region's VPC", err(s.CreateSubnet(ctx, root.In("us-east-1"), SubnetInput{VPC: v.ID, CIDR: "10.0.2.0/24"})), fault.NotFound, "vpc"},
		{"an interface of no subnet", err(s.CreateInterface(ctx, root, InterfaceInput{Subnet: "subnet-1"})), fault.NotFound, "subnet"},
		{"an address outside", err(s.CreateInterface(ctx, root, InterfaceInput{Subnet: n.ID, Address: "10.0.2.5"})), fault.Invalid, "address"},
		{"an address that is kept", err(s.CreateInterface(ctx, root, InterfaceInput{Subnet: n.ID, Address: "10.0.1.3"})), fault.Invalid, "address"},
		{"the broadcast address", err(s.CreateInterface(ctx, root, InterfaceInput{Subnet: n.ID, Address: "10.0.1.15"})), fault.Invalid, "address"},
	} {
		if !fault.Is(tc.err, tc.kind) || !fault.HasNoun(tc.err, tc.noun) {
			t.Errorf("%s: got %v, want %s about %s", tc.name, tc.err, tc.kind, tc.noun)
		}
	}
	taken := map[string]bool{}
	for range 11 { // 16 addresses, of which 5 are kept
		i := must(s.CreateInterface(ctx, root, InterfaceInput{Subnet: n.ID}))(t)
		a := netip.MustParseAddr(i.Address)
		if taken[i.Address] || a.Less(netip.MustParseAddr("10.0.1.4")) || !a.Less(netip.MustParseAddr("10.0.1.15")) || i.VPC != v.ID || i.Zone != n.Zone {
			t.Errorf("got %+v", i)
		}
		taken[i.Address] = true
	}
	if e := err(s.CreateInterface(ctx, root, InterfaceInput{Subnet: n.ID})); !fault.Is(e, fault.Limit) {
		t.Errorf("a twelfth interface: %v", e)
	}
	if free := must(s.Free(ctx, root, []Subnet{n}))(t); free[n.ID] != 0 {
		t.Errorf("%d addresses are free", free[n.ID])
	}
	if e := s.DeleteVPC(ctx, root, v.ID); !fault.Is(e, fault.Conflict) || !fault.HasNoun(e, "dependency") {
		t.Errorf("delete of a VPC with a subnet: %v", e)
	}
	if e := s.DeleteSubnet(ctx, root, n.ID); !fault.Is(e, fault.Conflict) {
		t.Errorf("delete of a subnet with interfaces: %v", e)
	}
	page, _, e := s.Interfaces(ctx, root, Query{})
	if e != nil || len(page) != 11 {
		t.Fatalf("got %d interfaces, %v", len(page), e)
	}
	for _, i := range page {
		if e := s.DeleteInterface(ctx, root, i.ID); e != nil {
			t.Error(e)
		}
	}
	if e := s.DeleteSubnet(ctx, root, n.ID); e != nil {
		t.Error(e)
	}
	if e := s.DeleteVPC(ctx, root, v.ID); e != nil {
		t.Error(e)
	}
	if e := s.DeleteVPC(ctx, root, v.ID); !fault.Is(e, fault.NotFound) {
		t.Errorf("second delete: %v", e)
	}
}

func err[T any](_ T, err error) error { return err }

func TestATokenMakesOneInterface(t *testing.T) {
	s, ctx := inventoryOnly(t), t.Context()
	v := must(s.CreateVPC(ctx, root, VPCInput{CIDR: "10.0.0.0/16"}))(t)
	n := must(s.CreateSubnet(ctx, root, SubnetInput{VPC: v.ID, CIDR: "10.0.1.0/24"}))(t)
	first := must(s.CreateInterface(ctx, root, InterfaceInput{Subnet: n.ID, Token: Token{"t", "a"}}))(t)
	again := must(s.CreateInterface(ctx, root, InterfaceInput{Subnet: n.ID, Token: Token{"t", "a"}}))(t)
	if first.ID != again.ID {
		t.Errorf("got %s and %s", first.ID, again.ID)
	}
	if e := err(s.CreateInterface(ctx, root, InterfaceInput{Subnet: n.ID, Token: Token{"t", "b"}})); !fault.HasNoun(e, "client token") {
		t.Errorf("other parameters: %v", e)
	}
}

func TestFiltersAndPages(t *testing.T) {
	s, ctx := inventoryOnly(t), t.Context()
	var ids []string
	for i, cidr := range []string{"10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16"} {
		ids = append(ids, must(s.CreateVPC(ctx, root, VPCInput{CIDR: cidr, Tags: Tags{"Name": "net-" + string(rune('a'+i)), "env": "test"}}))(t).ID)
	}
	found := func(q Query) (got []string) {
		t.Helper()
		page, _, err := s.VPCs(ctx, root, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page {
			got = append(got, v.Tags["Name"])
		}
		slices.Sort(got)
		return got
	}
	for _, tc := range []struct {
		name    string
		filters []Filter
		want    string
	}{
		{"none", nil, "net-a net-b net-c"},
		{"a tag's value", []Filter{{"tag:Name", []string{"net-a"}}}, "net-a"},
		{"wildcards", []Filter{{"tag:Name", []string{"*-?"}}}, "net-a net-b net-c"},
		{"values are alternatives", []Filter{{"cidr-block", []string{"10.0.0.0/16", "10.2.*"}}}, "net-a net-c"},
		{"filters all hold", []Filter{{"tag:Name", []string{"net-*"}}, {"cidr", []string{"10.1*"}}}, "net-b"},
		{"a tag's key", []Filter{{"tag-key", []string{"env"}}}, "net-a net-b net-c"},
		{"a tag that is not there", []Filter{{"tag:None", []string{"*"}}}, ""},
	} {
		if got := strings.Join(found(Query{Filters: tc.filters}), " "); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
	if _, _, err := s.VPCs(ctx, root, Query{Filters: []Filter{{"nobody", []string{"x"}}}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an unknown filter: %v", err)
	}
	if _, _, err := s.VPCs(ctx, root, Query{IDs: []string{ids[0], "vpc-0"}}); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown id: %v", err)
	}
	var all []string
	for after := ""; ; {
		page, next, err := s.VPCs(ctx, root, Query{After: after, Max: 2})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page {
			all = append(all, v.ID)
		}
		if after = next; next == "" {
			break
		}
	}
	slices.Sort(ids)
	if !slices.Equal(all, ids) {
		t.Errorf("pages gave %v, want %v", all, ids)
	}
}

// TestLikeIsWhatGlobsAre compares with path.Match, whose language is a superset where no slash is.
func TestLikeIsWhatGlobsAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringOfN(rapid.SampledFrom([]rune(`ab*?\`)), 0, 8, -1).Draw(t, "pattern")
		text := rapid.StringOfN(rapid.SampledFrom([]rune("ab*?")), 0, 8, -1).Draw(t, "text")
		want, err := path.Match(pattern, text)
		if err != nil {
			t.Skip("a backslash at the end")
		}
		if got := like(pattern, text); got != want {
			t.Errorf("like(%q, %q) = %v, want %v", pattern, text, got, want)
		}
	})
}

func TestTags(t *testing.T) {
	s, ctx := inventoryOnly(t), t.Context()
	v := must(s.CreateVPC(ctx, root, VPCInput{CIDR: "10.0.0.0/16", Tags: Tags{"a": "1"}}))(t)
	n := must(s.CreateSubnet(ctx, root, SubnetInput{VPC: v.ID, CIDR: "10.0.1.0/24"}))(t)
	if err := s.Tag(ctx, root, []string{v.ID, n.ID}, Tags{"b": "2"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Tag(ctx, root, []string{v.ID, "eni-0"}, Tags{"c": "3"}); !fault.HasNoun(err, "network interface") {
		t.Errorf("a resource that is not there: %v", err)
	}
	if err := s.Tag(ctx, root, []string{"i-0"}, Tags{"c": "3"}); !fault.HasNoun(err, "resource id") {
		t.Errorf("a resource of another kind: %v", err)
	}
	list := func(filters ...Filter) (got []string) {
		t.Helper()
		for after := ""; ; {
			page, next, err := s.ListTags(ctx, root, filters, after, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, tag := range page {
				got = append(got, tag.Type+" "+tag.Key+"="+tag.Value)
			}
			if after = next; next == "" {
				slices.Sort(got)
				return got
			}
		}
	}
	if got := strings.Join(list(), ", "); got != "subnet b=2, vpc a=1, vpc b=2" {
		t.Errorf("got %s", got)
	}
	if got := strings.Join(list(Filter{"resource-type", []string{"vpc"}}, Filter{"key", []string{"b"}}), ", "); got != "vpc b=2" {
		t.Errorf("got %s", got)
	}
	other := "3"
	if err := s.Untag(ctx, root, []string{v.ID}, []Removal{{Key: "a"}, {Key: "b", Value: &other}}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(list(), ", "); got != "subnet b=2, vpc b=2" {
		t.Errorf("got %s", got)
	}
	if err := s.Untag(ctx, root, []string{v.ID, n.ID}, nil); err != nil {
		t.Fatal(err)
	}
	if got := list(); got != nil {
		t.Errorf("got %s", got)
	}
	many := Tags{}
	for i := range 51 {
		many[string(rune('A'+i))] = ""
	}
	if err := s.Tag(ctx, root, []string{v.ID}, many); !fault.Is(err, fault.Limit) {
		t.Errorf("51 tags: %v", err)
	}
}

func TestZoneIDs(t *testing.T) {
	for region, want := range map[string]string{"us-east-1": "use1-az2", "ap-northeast-2": "apne2-az2", "eu-central-1": "euc1-az2", "ca-west-1": "caw1-az2", "us-gov-west-1": "usgw1-az2"} {
		if got := zoneID(region, 'b'); got != want {
			t.Errorf("%s: got %s, want %s", region, got, want)
		}
	}
}
