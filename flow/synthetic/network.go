package synthetic

import (
	"fmt"
	"net/netip"
)

// service is something that listens.
type service struct {
	port, protocol int
	role           string // the hosts that offer it
	reply          int    // bytes a packet of its answers, at most
}

const (
	icmp = 1
	tcp  = 6
	udp  = 17
)

var services = []service{
	{443, tcp, "web", 1452}, {80, tcp, "web", 1452}, {8080, tcp, "app", 1200}, {3306, tcp, "db", 900}, {5432, tcp, "db", 900},
	{6379, tcp, "cache", 600}, {22, tcp, "app", 240}, {25, tcp, "app", 300},
}

// outside are the services on the Internet that the hosts ask, most asked first.
var outside = []service{
	{443, tcp, "", 1452}, {53, udp, "", 220}, {443, udp, "", 1252}, {80, tcp, "", 1452}, {123, udp, "", 76}, {587, tcp, "", 120},
}

// scanned are the ports that scanners try more often than the rest.
var scanned = []int{22, 23, 3389, 445, 80, 8080, 5900, 1433, 3306, 6379, 5432, 8443, 2323, 5555, 25, 21, 9200, 27017}

// host is a network interface in the VPC and what is behind it.
type host struct {
	role                   string
	address, address6      string
	eni, instance          string // instance is "-" behind an interface that AWS manages
	subnet, zone           string
	kind                   string // of the interface
	name                   string // a tag's value
	task, taskARN, service string // ECS, "-" elsewhere
	container              string
	silent                 bool // in the running interval
}

// peer is an address on the Internet, with the AWS service that it belongs to, if any.
type peer struct{ address, service string }

// network is what does not change from interval to interval.
type network struct {
	account, region, vpc string
	gateway, attachment  string // transit gateway
	hosts                []host
	byRole               map[string][]int
	nat                  int // the NAT gateway's place in hosts
	busy                 zipf
	peers                []peer
	popular              zipf
	peers6               []string
	asked                zipf
	scanners             []string
	cluster, clusterARN  string
}

// layout is the VPC: which roles have how many interfaces where. The first web host is 192.168.1.10.
var layout = []struct {
	role   string
	count  int
	subnet int
}{
	{"web", 4, 1}, {"web", 4, 2}, {"app", 3, 1}, {"app", 3, 2}, {"db", 2, 11}, {"db", 2, 12}, {"cache", 2, 11}, {"batch", 3, 12}, {"nat", 1, 1},
}

func newNetwork(g *Generator, account, region string) *network {
	n := &network{account: account, region: region, vpc: "vpc-" + g.id(), byRole: map[string][]int{}}
	n.gateway, n.attachment = "tgw-"+g.id(), "tgw-attach-"+g.id()
	n.cluster = "production"
	n.clusterARN = fmt.Sprintf("arn:aws:ecs:%s:%s:cluster/%s", region, account, n.cluster)
	subnets, used := map[int]string{}, map[int]int{}
	for _, l := range layout {
		if subnets[l.subnet] == "" {
			subnets[l.subnet] = "subnet-" + g.id()
		}
		for range l.count {
			last := 10 + used[l.subnet]
			used[l.subnet] += 1 + g.draw(6)
			if l.role == "nat" {
				last = 4 // the first addresses of a subnet are AWS's own
			}
			h := host{
				role:     l.role,
				address:  fmt.Sprintf("192.168.%d.%d", l.subnet, last),
				address6: fmt.Sprintf("2600:1f18:2551:%d::%x", 8900+l.subnet, 4096+g.draw(61000)),
				eni:      "eni-" + g.id(), instance: "i-" + g.id(),
				subnet: subnets[l.subnet], zone: fmt.Sprintf("use1-az%d", 1+l.subnet%2),
				kind: "interface", name: fmt.Sprintf("%s-%d", l.role, len(n.byRole[l.role])+1),
				task: "-", taskARN: "-", service: "-", container: "-",
			}
			if region != "us-east-1" {
				h.zone = fmt.Sprintf("%s-az%d", region, 1+l.subnet%2)
			}
			switch l.role {
			case "nat":
				h.instance, h.kind = "-", "nat_gateway"
			case "app":
				h.task, h.container, h.service = g.id()+g.id()[:15], g.id()+g.id()[1:], "orders"
				h.taskARN = fmt.Sprintf("arn:aws:ecs:%s:%s:task/%s/%s", region, account, n.cluster, h.task)
			}
			n.byRole[l.role] = append(n.byRole[l.role], len(n.hosts))
			n.hosts = append(n.hosts, h)
		}
	}
	n.nat = n.byRole["nat"][0]
	n.busy = newZipf(len(n.hosts))
	known := map[string]bool{}
	for range 4096 {
		p := peer{address: g.public(known), service: "-"}
		switch g.draw(40) {
		case 0, 1:
			p.service = "S3"
		case 2:
			p.service = "DYNAMODB"
		case 3:
			p.service = "CLOUDFRONT"
		case 4, 5:
			p.service = "EC2"
		case 6, 7, 8:
			p.service = "AMAZON"
		}
		n.peers = append(n.peers, p)
	}
	n.popular = newZipf(len(n.peers))
	n.asked = newZipf(len(outside))
	for range 256 {
		n.peers6 = append(n.peers6, g.public6())
	}
	for range 24 {
		n.scanners = append(n.scanners, g.public(known))
	}
	return n
}

// id draws the 17 hex digits that identifiers of resources end with.
func (g *Generator) id() string { return fmt.Sprintf("0%016x", g.rng.Uint64()) }

// public draws an address of the Internet that known does not have.
func (g *Generator) public(known map[string]bool) string {
	for {
		v := g.rng.Uint64()
		a := netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
		first, second := a.As4()[0], a.As4()[1]
		switch {
		case first < 2, first == 127, first >= 224, a.IsPrivate(), a.IsLinkLocalUnicast(), first == 100 && second >= 64 && second < 128:
			continue
		}
		if s := a.String(); !known[s] {
			known[s] = true
			return s
		}
	}
}

func (g *Generator) public6() string {
	var b [16]byte
	b[0], b[1], b[2], b[3] = 0x2a, 0x00, 0x14, 0x50
	v := g.rng.Uint64()
	for i := range 8 {
		b[8+i] = byte(v >> (8 * i))
	}
	return netip.AddrFrom16(b).String()
}
