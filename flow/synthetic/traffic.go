package synthetic

// row is one record before it is written.
type row struct {
	h                        *host
	src, dst, pktSrc, pktDst string
	srcPort, dstPort         int
	protocol                 int
	packets, bytes           int64
	start, end               int64 // Unix seconds
	status                   string
	reject                   bool
	reason                   string
	egress                   bool
	v6                       bool
	flags                    int
	path                     int // traffic-path, 0 where there is none
	srcService, dstService   string
	encryption               int
	next                     *host // the interface that it goes to within the VPC
}

// fill makes up what all interfaces report for one interval.
func (g *Generator) fill() {
	for i := range g.net.hosts {
		h := &g.net.hosts[i]
		rest := 80 // batch hosts sleep between their jobs, the others seldom
		if h.role == "batch" {
			rest = 5
		}
		if h.silent = g.oneIn(rest); h.silent {
			g.silence(h, "NODATA")
			continue
		}
		if g.oneIn(800) {
			g.silence(h, "SKIPDATA")
		}
		if g.oneIn(2) {
			g.scan(h)
		}
	}
	for range 5 * len(g.net.hosts) {
		h := &g.net.hosts[g.net.busy.draw(g)]
		switch {
		case h.silent:
		case h.role == "web" && g.oneIn(24):
			g.visit6(h)
		case h.role == "web" && !g.oneIn(3):
			g.visit(h)
		case h.role == "nat" || g.oneIn(2):
			g.internal()
		default:
			g.ask(h)
		}
	}
}

// silence is the record of an interval without traffic, or whose records were lost.
func (g *Generator) silence(h *host, status string) {
	g.rows = append(g.rows, row{h: h, status: status, start: g.now, end: g.now + g.interval - 2})
}

// visit is a client on the Internet that asks a host.
func (g *Generator) visit(h *host) {
	p := &g.net.peers[g.net.popular.draw(g)]
	s := g.offered(h)
	g.pair(row{h: h, src: p.address, dst: h.address, srcService: p.service, dstService: "-",
		srcPort: g.ephemeral(), dstPort: s.port, protocol: s.protocol}, s, 8)
}

func (g *Generator) visit6(h *host) {
	s := g.offered(h)
	g.pair(row{h: h, src: g.net.peers6[g.draw(len(g.net.peers6))], dst: h.address6, srcService: "-", dstService: "-", v6: true,
		srcPort: g.ephemeral(), dstPort: s.port, protocol: s.protocol}, s, 8)
}

func (g *Generator) offered(h *host) service {
	if h.role == "web" {
		if g.oneIn(5) {
			return services[1]
		}
		return services[0]
	}
	return services[g.draw(len(services))]
}

// ask is a host that asks the Internet, the databases and batch hosts through the NAT gateway.
func (g *Generator) ask(h *host) {
	p := &g.net.peers[g.net.popular.draw(g)]
	s := outside[g.net.asked.draw(g)]
	if p.service == "S3" || p.service == "DYNAMODB" {
		s = outside[0]
	}
	path := 8 // an internet gateway
	if p.service == "S3" || p.service == "DYNAMODB" {
		path = 7 // a gateway endpoint
	}
	r := row{h: h, src: h.address, dst: p.address, srcService: "-", dstService: p.service, egress: true,
		srcPort: g.ephemeral(), dstPort: s.port, protocol: s.protocol}
	if s.port == 123 {
		r.srcPort = 123
	}
	at := len(g.rows)
	g.pair(r, s, path)
	if path == 7 || h.role != "db" && h.role != "batch" {
		return
	}
	// The gateway's interface sees the same packets on their way, addressed to itself.
	nat := &g.net.hosts[g.net.nat]
	if nat.silent {
		return
	}
	for _, seen := range g.rows[at:len(g.rows):len(g.rows)] {
		seen.h, seen.egress, seen.next = nat, !seen.egress, nil
		seen.path = 0
		if seen.src == h.address {
			seen.dst = nat.address
		} else {
			seen.src, seen.path, seen.next = nat.address, 1, h
		}
		g.rows = append(g.rows, seen)
	}
}

// internal is one host that asks another: both interfaces report it.
func (g *Generator) internal() {
	s := services[2+g.draw(len(services)-2)]
	offering := g.net.byRole[s.role]
	to := &g.net.hosts[offering[g.draw(len(offering))]]
	asking := g.net.byRole[[...]string{"web", "app", "app", "batch"}[g.draw(4)]]
	from := &g.net.hosts[asking[g.draw(len(asking))]]
	if from == to || from.silent || to.silent {
		return
	}
	r := row{h: from, src: from.address, dst: to.address, srcService: "-", dstService: "-", egress: true, next: to,
		srcPort: g.ephemeral(), dstPort: s.port, protocol: s.protocol, encryption: 1}
	at := len(g.rows)
	g.pair(r, s, 1)
	for _, seen := range g.rows[at:len(g.rows):len(g.rows)] {
		seen.egress = !seen.egress
		seen.h, seen.next, seen.path = to, nil, 0
		if seen.egress {
			seen.next, seen.path = from, 1
		}
		g.rows = append(g.rows, seen)
	}
}

// pair appends both directions of a flow, of which ask is the first. path is the traffic path of what leaves the host.
func (g *Generator) pair(ask row, s service, path int) {
	ask.status, ask.reason = "OK", "-"
	ask.start = g.now + int64(g.draw(int(g.interval)-2))
	ask.end = ask.start + int64(g.draw(int(g.now+g.interval-ask.start)))
	n := int64(g.tail(14))
	ask.packets = n
	ask.bytes = n * int64(52+g.draw(200))
	ask.pktSrc, ask.pktDst = ask.src, ask.dst
	answer := ask
	answer.src, answer.dst, answer.pktSrc, answer.pktDst = ask.dst, ask.src, ask.dst, ask.src
	answer.srcPort, answer.dstPort = ask.dstPort, ask.srcPort
	answer.srcService, answer.dstService = ask.dstService, ask.srcService
	answer.egress = !ask.egress
	answer.packets = 1 + n*int64(1+g.draw(4))/2
	answer.bytes = answer.packets * int64(60+g.draw(s.reply-60+1))
	if s.port == 123 { // NTP asks and answers with 48 bytes, 76 on the wire
		ask.packets, answer.packets, ask.bytes, answer.bytes = 1, 1, 76, 76
	}
	if s.protocol == tcp {
		switch g.draw(8) {
		case 0, 1: // begun before this interval, goes on after it
		case 2:
			ask.flags, answer.flags = 2, 18
		case 3:
			ask.flags, answer.flags = 1, 1
		case 4:
			ask.flags, answer.flags = 6, 18
		default:
			ask.flags, answer.flags = 3, 19
		}
	}
	switch {
	case ask.encryption != 0 && s.port == 443:
		ask.encryption = 3
	case ask.encryption == 0 && s.port == 443 && s.protocol == tcp:
		ask.encryption = 2
	}
	answer.encryption = ask.encryption
	if ask.egress {
		ask.path = path
	} else {
		answer.path = path
	}
	answer.next = nil
	g.rows = append(g.rows, ask, answer)
}

// scan is a scanner that tries a few ports of a host, and is turned away.
func (g *Generator) scan(h *host) {
	from := g.net.scanners[g.draw(len(g.net.scanners))]
	r := row{h: h, src: from, dst: h.address, pktSrc: from, pktDst: h.address, srcService: "-", dstService: "-", reject: true, reason: "-",
		protocol: tcp, status: "OK", srcPort: g.ephemeral(), packets: 1, flags: 2}
	if h.role != "web" && h.role != "nat" && g.oneIn(16) {
		r.reason = "BPA"
	}
	switch g.draw(12) {
	case 0:
		r.protocol, r.flags = udp, 0
	case 1:
		r.protocol, r.flags, r.srcPort = icmp, 0, 0
	}
	for range g.tail(4) {
		r.start = g.now + int64(g.draw(int(g.interval)-2))
		r.end = r.start + int64(g.draw(int(g.now+g.interval-r.start)))
		r.packets = 1 + int64(g.draw(3))
		r.bytes = r.packets * int64(40+4*g.draw(3))
		r.dstPort = scanned[g.draw(len(scanned))]
		if g.oneIn(3) {
			r.dstPort = 1 + g.draw(65535)
		}
		if r.protocol == icmp {
			r.dstPort = 0
		}
		g.rows = append(g.rows, r)
	}
}

func (g *Generator) ephemeral() int { return 32768 + g.draw(28232) }
