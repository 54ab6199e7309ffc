package synthetic

import "strconv"

// writer appends one column of a record.
type writer func(dst []byte, g *Generator, r *row) []byte

// live makes a column that records of silent intervals do not have.
func live(write writer) writer {
	return func(dst []byte, g *Generator, r *row) []byte {
		if r.status != "OK" {
			return append(dst, '-')
		}
		return write(dst, g, r)
	}
}

func text(get func(*row) string) writer {
	return live(func(dst []byte, _ *Generator, r *row) []byte { return append(dst, get(r)...) })
}

func number(get func(*row) int64) writer {
	return live(func(dst []byte, _ *Generator, r *row) []byte { return strconv.AppendInt(dst, get(r), 10) })
}

// ofHost makes a column about the interface, which every record has.
func ofHost(get func(*host) string) writer {
	return func(dst []byte, _ *Generator, r *row) []byte { return append(dst, get(r.h)...) }
}

func ofNetwork(get func(*network) string) writer {
	return func(dst []byte, g *Generator, _ *row) []byte { return append(dst, get(g.net)...) }
}

// ofNext makes a column about the interface that a record's packets go to next.
func ofNext(get func(*host) string) writer {
	return text(func(r *row) string {
		if r.next == nil {
			return "-"
		}
		return get(r.next)
	})
}

// inTask makes a column about the ECS task of an interface.
func inTask(get func(*network, *host) string) writer {
	return func(dst []byte, g *Generator, r *row) []byte {
		if r.h.task == "-" {
			return append(dst, '-')
		}
		return append(dst, get(g.net, r.h)...)
	}
}

func dash(dst []byte, _ *Generator, _ *row) []byte { return append(dst, '-') }

var fieldWriters = map[string]writer{
	"version":      func(dst []byte, g *Generator, _ *row) []byte { return strconv.AppendInt(dst, int64(g.version), 10) },
	"account-id":   ofNetwork(func(n *network) string { return n.account }),
	"interface-id": ofHost(func(h *host) string { return h.eni }),
	"srcaddr":      text(func(r *row) string { return r.src }),
	"dstaddr":      text(func(r *row) string { return r.dst }),
	"srcport":      number(func(r *row) int64 { return int64(r.srcPort) }),
	"dstport":      number(func(r *row) int64 { return int64(r.dstPort) }),
	"protocol":     number(func(r *row) int64 { return int64(r.protocol) }),
	"packets":      number(func(r *row) int64 { return r.packets }),
	"bytes":        number(func(r *row) int64 { return r.bytes }),
	"start":        func(dst []byte, _ *Generator, r *row) []byte { return strconv.AppendInt(dst, r.start, 10) },
	"end":          func(dst []byte, _ *Generator, r *row) []byte { return strconv.AppendInt(dst, r.end, 10) },
	"action": text(func(r *row) string {
		if r.reject {
			return "REJECT"
		}
		return "ACCEPT"
	}),
	"log-status": func(dst []byte, _ *Generator, r *row) []byte { return append(dst, r.status...) },

	"vpc-id":      ofNetwork(func(n *network) string { return n.vpc }),
	"subnet-id":   ofHost(func(h *host) string { return h.subnet }),
	"instance-id": ofHost(func(h *host) string { return h.instance }),
	"tcp-flags":   number(func(r *row) int64 { return int64(r.flags) }),
	"type": text(func(r *row) string {
		if r.v6 {
			return "IPv6"
		}
		return "IPv4"
	}),
	"pkt-srcaddr": text(func(r *row) string { return r.pktSrc }),
	"pkt-dstaddr": text(func(r *row) string { return r.pktDst }),

	"region":           ofNetwork(func(n *network) string { return n.region }),
	"az-id":            ofHost(func(h *host) string { return h.zone }),
	"sublocation-type": dash, // the VPC has no Outpost, Wavelength or Local Zone
	"sublocation-id":   dash,

	"pkt-src-aws-service": text(func(r *row) string { return r.srcService }),
	"pkt-dst-aws-service": text(func(r *row) string { return r.dstService }),
	"flow-direction": text(func(r *row) string {
		if r.egress {
			return "egress"
		}
		return "ingress"
	}),
	"traffic-path": live(func(dst []byte, _ *Generator, r *row) []byte {
		if r.path == 0 {
			return append(dst, '-')
		}
		return strconv.AppendInt(dst, int64(r.path), 10)
	}),

	// As if the traffic crossed a transit gateway to itself: such logs have nothing of an interface.
	"resource-type":             func(dst []byte, _ *Generator, _ *row) []byte { return append(dst, "TransitGateway"...) },
	"tgw-id":                    ofNetwork(func(n *network) string { return n.gateway }),
	"tgw-attachment-id":         ofNetwork(func(n *network) string { return n.attachment }),
	"tgw-src-vpc-account-id":    ofNetwork(func(n *network) string { return n.account }),
	"tgw-dst-vpc-account-id":    ofNetwork(func(n *network) string { return n.account }),
	"tgw-src-vpc-id":            ofNetwork(func(n *network) string { return n.vpc }),
	"tgw-dst-vpc-id":            nextVPC,
	"tgw-src-subnet-id":         ofHost(func(h *host) string { return h.subnet }),
	"tgw-dst-subnet-id":         ofNext(func(h *host) string { return h.subnet }),
	"tgw-src-eni":               ofHost(func(h *host) string { return h.eni }),
	"tgw-dst-eni":               ofNext(func(h *host) string { return h.eni }),
	"tgw-src-az-id":             ofHost(func(h *host) string { return h.zone }),
	"tgw-dst-az-id":             ofNext(func(h *host) string { return h.zone }),
	"tgw-pair-attachment-id":    dash,
	"packets-lost-no-route":     number(func(r *row) int64 { return lost(r, 61) }),
	"packets-lost-blackhole":    number(func(r *row) int64 { return lost(r, 199) }),
	"packets-lost-mtu-exceeded": number(func(r *row) int64 { return lost(r, 97) }),
	"packets-lost-ttl-expired":  number(func(r *row) int64 { return lost(r, 211) }),

	"ecs-cluster-arn":            inTask(func(n *network, _ *host) string { return n.clusterARN }),
	"ecs-cluster-name":           inTask(func(n *network, _ *host) string { return n.cluster }),
	"ecs-container-instance-arn": dash, // the tasks are Fargate's
	"ecs-container-instance-id":  dash,
	"ecs-container-id":           inTask(func(_ *network, h *host) string { return h.container }),
	"ecs-second-container-id":    dash,
	"ecs-service-name":           inTask(func(_ *network, h *host) string { return h.service }),
	"ecs-task-definition-arn": inTask(func(n *network, h *host) string {
		return "arn:aws:ecs:" + n.region + ":" + n.account + ":task-definition/" + h.service + ":7"
	}),
	"ecs-task-arn": inTask(func(_ *network, h *host) string { return h.taskARN }),
	"ecs-task-id":  inTask(func(_ *network, h *host) string { return h.task }),

	"reject-reason": text(func(r *row) string { return r.reason }),
	"resource-id":   dash, // of regional NAT gateways only
	"encryption-status": number(func(r *row) int64 {
		return int64(r.encryption)
	}),

	"instance-tag": ofHost(func(h *host) string {
		if h.instance == "-" {
			return "-"
		}
		return h.name
	}),
	"instance-tag-2":  ofHost(func(h *host) string { return "team%20" + h.role }),
	"interface-tag":   ofHost(func(h *host) string { return h.name }),
	"interface-tag-2": dash,
	"asg-tag": ofHost(func(h *host) string {
		if h.role == "web" || h.role == "batch" {
			return h.role + "-fleet"
		}
		return "-"
	}),
	"asg-tag-2":               dash,
	"interface-type":          ofHost(func(h *host) string { return h.kind }),
	"next-hop-interface-id":   ofNext(func(h *host) string { return h.eni }),
	"next-hop-subnet-id":      ofNext(func(h *host) string { return h.subnet }),
	"next-hop-az-id":          ofNext(func(h *host) string { return h.zone }),
	"next-hop-vpc-id":         nextVPC,
	"next-hop-interface-type": ofNext(func(h *host) string { return h.kind }),
}

func nextVPC(dst []byte, g *Generator, r *row) []byte {
	if r.status != "OK" || r.next == nil {
		return append(dst, '-')
	}
	return append(dst, g.net.vpc...)
}

// lost is a number of packets that is 0 but for one flow in many.
func lost(r *row, every int64) int64 {
	if (r.bytes+int64(r.srcPort))%every != 0 {
		return 0
	}
	return 1 + r.packets/16
}
