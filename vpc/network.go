package vpc

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/state"
)

// newID makes an id as EC2 does: a prefix and 17 hexadecimal digits, of which the first is 0.
func newID(prefix string) string {
	var b [8]byte
	rand.Read(b[:])
	return prefix + "-0" + hex.EncodeToString(b[:])
}

// parseCIDR reads an IPv4 network of /16 to /28, as VPCs and subnets have. Bits behind the prefix are cleared, as EC2 does.
func parseCIDR(noun, text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil || !p.Addr().Is4() {
		return netip.Prefix{}, fault.Newf(fault.Invalid, "cidr "+text, "Value (%s) for parameter cidrBlock is invalid. This is not a valid CIDR block.", text)
	}
	if p.Bits() < 16 || p.Bits() > 28 {
		return netip.Prefix{}, fault.Newf(fault.Invalid, noun+" range", "The CIDR '%s' is invalid.", text)
	}
	return p.Masked(), nil
}

// VPCInput is a VPC to be made.
type VPCInput struct {
	CIDR    string // IPv4, /16 to /28
	Tenancy string // "" is default
	Tags    Tags
}

// CreateVPC makes a VPC. It returns fault.Invalid about the noun "cidr" or "vpc range" for a network that EC2 refuses.
func (s *Store) CreateVPC(ctx context.Context, c access.Caller, in VPCInput) (VPC, error) {
	cidr, err := parseCIDR(kindVPC, in.CIDR)
	if err != nil {
		return VPC{}, err
	}
	if err := checkTags(in.Tags); err != nil {
		return VPC{}, err
	}
	v := VPC{ID: newID("vpc"), Owner: c.Account, CIDR: cidr.String(), Tenancy: in.Tenancy, Created: time.Now().UTC(), Tags: in.Tags}
	if v.Tenancy == "" {
		v.Tenancy = "default"
	}
	return v, s.state.Update(ctx, func(tx *state.Tx) error { return tx.Create(s.doc(c, kindVPC, v.ID), v) })
}

// VPCs lists VPCs. An id that there is not is fault.NotFound.
func (s *Store) VPCs(ctx context.Context, c access.Caller, q Query) ([]VPC, string, error) {
	return find[VPC](ctx, s, c, kindVPC, q)
}

// DeleteVPC removes a VPC without subnets, and its flow logs. It returns fault.Conflict while there are subnets.
func (s *Store) DeleteVPC(ctx context.Context, c access.Caller, id string) error {
	return s.remove(ctx, c, kindVPC, id, func(tx *state.Tx) error {
		return each(tx, c, kindSubnet, func(n Subnet) error {
			if n.VPC == id {
				return fault.Newf(fault.Conflict, "dependency "+n.ID, "The vpc '%s' has dependencies and cannot be deleted: %s", id, n.ID)
			}
			return nil
		})
	})
}

// SubnetInput is a subnet to be made.
type SubnetInput struct {
	VPC    string
	CIDR   string // within the VPC's, apart from its other subnets'
	Zone   string // "" and ZoneID "": the region's first
	ZoneID string
	Tags   Tags
}

// CreateSubnet makes a subnet. It returns fault.Invalid about "cidr", "subnet range" or "zone", fault.Conflict about
// "subnet" where it overlaps another one, fault.NotFound without the VPC.
func (s *Store) CreateSubnet(ctx context.Context, c access.Caller, in SubnetInput) (Subnet, error) {
	cidr, err := parseCIDR(kindSubnet, in.CIDR)
	if err != nil {
		return Subnet{}, err
	}
	zone, zoneID, err := pickZone(c.Region, in.Zone, in.ZoneID)
	if err != nil {
		return Subnet{}, err
	}
	if err := checkTags(in.Tags); err != nil {
		return Subnet{}, err
	}
	n := Subnet{ID: newID("subnet"), VPC: in.VPC, Owner: c.Account, CIDR: cidr.String(), Zone: zone, ZoneID: zoneID, Tags: in.Tags}
	return n, s.state.Update(ctx, func(tx *state.Tx) error {
		v, err := get[VPC](tx, c, kindVPC, in.VPC)
		if err != nil {
			return err
		}
		if whole, err := netip.ParsePrefix(v.CIDR); err != nil || !whole.Contains(cidr.Addr()) || cidr.Bits() < whole.Bits() {
			return fault.Newf(fault.Invalid, "subnet range", "The CIDR '%s' is invalid.", in.CIDR)
		}
		err = each(tx, c, kindSubnet, func(other Subnet) error {
			if p, err := netip.ParsePrefix(other.CIDR); err == nil && other.VPC == in.VPC && p.Overlaps(cidr) {
				return fault.Newf(fault.Conflict, "subnet "+other.ID, "The CIDR '%s' conflicts with another subnet", in.CIDR)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return tx.Create(s.doc(c, kindSubnet, n.ID), n)
	})
}

// Subnets lists subnets. An id that there is not is fault.NotFound.
func (s *Store) Subnets(ctx context.Context, c access.Caller, q Query) ([]Subnet, string, error) {
	return find[Subnet](ctx, s, c, kindSubnet, q)
}

// reserved are the addresses of a subnet that EC2 keeps: the first four and the last.
const reserved = 5

// Free tells how many addresses of each subnet are not taken.
func (s *Store) Free(ctx context.Context, c access.Caller, subnets []Subnet) (map[string]int, error) {
	free := make(map[string]int, len(subnets))
	for _, n := range subnets {
		if p, err := netip.ParsePrefix(n.CIDR); err == nil {
			free[n.ID] = 1<<(32-p.Bits()) - reserved
		}
	}
	err := s.state.View(ctx, func(tx *state.Tx) error {
		return each(tx, c, kindInterface, func(i Interface) error {
			if _, ok := free[i.Subnet]; ok {
				free[i.Subnet]--
			}
			return nil
		})
	})
	return free, err
}

// DeleteSubnet removes a subnet without interfaces, and its flow logs. It returns fault.Conflict while there are interfaces.
func (s *Store) DeleteSubnet(ctx context.Context, c access.Caller, id string) error {
	return s.remove(ctx, c, kindSubnet, id, func(tx *state.Tx) error {
		return each(tx, c, kindInterface, func(i Interface) error {
			if i.Subnet == id {
				return fault.Newf(fault.Conflict, "dependency "+i.ID, "The subnet '%s' has dependencies and cannot be deleted: %s", id, i.ID)
			}
			return nil
		})
	})
}

// InterfaceInput is a network interface to be made.
type InterfaceInput struct {
	Subnet      string
	Address     string // "": the subnet's next free one
	Description string // at most 255 characters
	Tags        Tags
	Token       Token
}

// CreateInterface makes a network interface. It returns fault.Invalid about "address" for one that the subnet does not
// have or keeps, fault.Conflict about "address" for one that is taken, fault.Limit about "address" when none is free,
// fault.NotFound without the subnet, fault.Conflict about "client token" for a token of another request.
func (s *Store) CreateInterface(ctx context.Context, c access.Caller, in InterfaceInput) (made Interface, err error) {
	if len(in.Description) > 255 {
		return made, fault.Newf(fault.Invalid, "description", "it has %d characters; at most 255 are allowed", len(in.Description))
	}
	if err := checkTags(in.Tags); err != nil {
		return made, err
	}
	err = s.state.Update(ctx, func(tx *state.Tx) error {
		n, err := get[Subnet](tx, c, kindSubnet, in.Subnet)
		if err != nil {
			return err
		}
		taken, again := map[string]bool{}, false
		err = each(tx, c, kindInterface, func(i Interface) error {
			if in.Token.Value != "" && i.Token.Value == in.Token.Value {
				if made, again = i, true; i.Token.Sum != in.Token.Sum {
					return mismatch(in.Token)
				}
			}
			if i.Subnet == n.ID {
				taken[i.Address] = true
			}
			return nil
		})
		if err != nil || again {
			return err
		}
		address, err := pickAddress(n.CIDR, in.Address, taken)
		if err != nil {
			return err
		}
		made = Interface{ID: newID("eni"), VPC: n.VPC, Subnet: n.ID, Owner: c.Account, Zone: n.Zone, ZoneID: n.ZoneID, Address: address,
			MAC: newMAC(), Description: in.Description, Created: time.Now().UTC(), Tags: in.Tags, Token: in.Token}
		return tx.Create(s.doc(c, kindInterface, made.ID), made)
	})
	return made, err
}

func mismatch(t Token) error {
	return fault.Newf(fault.Conflict, "client token "+t.Value, "The client token was used in a request with other parameters")
}

// newMAC makes a locally administered address, as EC2's are.
func newMAC() string {
	var b [6]byte
	rand.Read(b[:])
	b[0] = b[0]&^1 | 2
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5])
}

func pickAddress(cidr, wanted string, taken map[string]bool) (string, error) {
	p, err := netip.ParsePrefix(cidr)
	if err != nil {
		return "", fault.Newf(fault.Internal, "subnet cidr "+cidr, "%w", err)
	}
	first := p.Addr()
	for range reserved - 1 {
		first = first.Next()
	}
	if wanted != "" {
		a, err := netip.ParseAddr(wanted)
		switch {
		case err != nil || !a.Is4():
			return "", fault.Newf(fault.Invalid, "address "+wanted, "is not an IPv4 address")
		case !p.Contains(a):
			return "", fault.Newf(fault.Invalid, "address "+wanted, "Address does not fall within the subnet's address range")
		case a.Less(first) || !p.Contains(a.Next()):
			return "", fault.Newf(fault.Invalid, "address "+wanted, "Address is in subnet's reserved address range")
		case taken[a.String()]:
			return "", fault.Newf(fault.Conflict, "address "+wanted, "Address %s is in use.", wanted)
		}
		return a.String(), nil
	}
	for a := first; p.Contains(a.Next()); a = a.Next() {
		if !taken[a.String()] {
			return a.String(), nil
		}
	}
	return "", fault.Newf(fault.Limit, "address", "The subnet has no free address")
}

// Interfaces lists network interfaces. An id that there is not is fault.NotFound.
func (s *Store) Interfaces(ctx context.Context, c access.Caller, q Query) ([]Interface, string, error) {
	return find[Interface](ctx, s, c, kindInterface, q)
}

// DeleteInterface removes a network interface, and its flow logs.
func (s *Store) DeleteInterface(ctx context.Context, c access.Caller, id string) error {
	return s.remove(ctx, c, kindInterface, id, func(*state.Tx) error { return nil })
}

// remove deletes a resource that free lets go, with the flow logs about it: a flow log does not outlive what it logs.
func (s *Store) remove(ctx context.Context, c access.Caller, kind, id string, free func(*state.Tx) error) error {
	var orphans []FlowLog
	err := s.state.Update(ctx, func(tx *state.Tx) error {
		if err := free(tx); err != nil {
			return err
		}
		if err := tx.Delete(s.doc(c, kind, id)); err != nil {
			return err
		}
		err := each(tx, c, kindFlowLog, func(f FlowLog) error {
			if f.Resource == id {
				orphans = append(orphans, f)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return s.drop(tx, c, orphans)
	})
	if err == nil {
		s.dropped(orphans)
	}
	return err
}

var regionParts = map[string]string{"north": "n", "south": "s", "east": "e", "west": "w", "central": "c", "northeast": "ne", "southeast": "se",
	"northwest": "nw", "southwest": "sw", "gov": "g", "iso": "i", "isob": "ib"}

// zoneID is the id of a zone: "us-east-1a" is "use1-az1". Differs from AWS: there the letters are dealt out anew for
// each account.
func zoneID(region string, letter byte) string {
	var b strings.Builder
	for _, part := range strings.Split(region, "-") {
		if short, ok := regionParts[part]; ok {
			part = short
		}
		b.WriteString(part)
	}
	return fmt.Sprintf("%s-az%d", b.String(), letter-'a'+1)
}

var zoneName = regexp.MustCompile(`^[a-f]$`)

// pickZone settles a zone of the region by its name, its id, or as the first.
func pickZone(region, name, id string) (zone, zid string, err error) {
	letter := "a"
	if name != "" {
		var ok bool
		if letter, ok = strings.CutPrefix(name, region); !ok || !zoneName.MatchString(letter) {
			return "", "", fault.Newf(fault.Invalid, "zone "+name, "Value (%s) for parameter availabilityZone is invalid. The zones of %s are %sa to %sf.", name, region, region, region)
		}
	} else if id != "" {
		for letter = "a"; letter <= "f" && zoneID(region, letter[0]) != id; {
			letter = string(letter[0] + 1)
		}
		if letter > "f" {
			return "", "", fault.Newf(fault.Invalid, "zone "+id, "Value (%s) for parameter availabilityZoneId is invalid. The first zone of %s is %s.", id, region, zoneID(region, 'a'))
		}
	}
	zid = zoneID(region, letter[0])
	if id != "" && id != zid {
		return "", "", fault.Newf(fault.Invalid, "zone "+id, "The zone %s has the id %s", region+letter, zid)
	}
	return region + letter, zid, nil
}
