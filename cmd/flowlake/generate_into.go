package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	doorflowlake "flowlake/aws/flowlake"
	"flowlake/flow"
	"flowlake/flow/synthetic"
)

// What one request carries: small enough to be quick, and to lose little when it fails.
const (
	playRecords = 5_000
	playBytes   = 2 << 20
)

// player puts synthetic records through a flow log's delivery.
type player struct {
	cfg     aws.Config
	ec2     *ec2.Client
	flowLog string
	rate    int  // records a second; 0: as fast as they are taken
	live    bool // times are those of the moment; otherwise as they were made up
	files   bool // they become files in a bucket
	want    int  // interfaces that the resource is to have; 0: those that it has

	log  io.Writer
	sent doorflowlake.RecordsAnswer

	fields           []flow.Field
	eni, start, stop int // places of columns
	interval         int64
	interfaces       []string          // of the flow log's resource
	mapped           map[string]string // made-up interfaces to those
	columns          [][]byte          // of the line at hand
}

// run plays rows records.
func (p *player) run(ctx context.Context, cfg synthetic.Config) error {
	f, err := findFlowLog(ctx, p.ec2, p.flowLog)
	if err != nil {
		return err
	}
	if err := p.prepare(ctx, f); err != nil {
		return err
	}
	cfg.Fields, cfg.Region, cfg.Interval = p.fields, p.cfg.Region, time.Duration(p.interval)*time.Second
	if p.live {
		cfg.Start = time.Unix(0, 0)
	}
	g, err := synthetic.New(cfg)
	if err != nil {
		return err
	}
	err = p.play(ctx, g, cfg.Rows)
	note(p.log, "%s", p.account())
	return err
}

func (p *player) account() string {
	text := fmt.Sprintf("%s delivered by %s", count(int64(p.sent.Delivered), "record"), p.flowLog)
	for _, part := range []struct {
		n    int
		what string
	}{{p.sent.Traffic, "not of its traffic type"}, {p.sent.Elsewhere, "not of its interfaces"}, {p.sent.Rejected, "rejected by the log group: too old, or ahead of its clock"}} {
		if part.n > 0 {
			text += fmt.Sprintf("; %d %s", part.n, part.what)
		}
	}
	if p.files && p.sent.Delivered > 0 {
		text += "; their files come every five minutes, or as often as serve --publish-every says"
	}
	return text
}

// prepare settles the records' fields and the interfaces that they are of.
func (p *player) prepare(ctx context.Context, f ec2types.FlowLog) error {
	fields, err := flow.ParseFormat(aws.ToString(f.LogFormat))
	if err != nil {
		return err
	}
	for _, name := range []string{"interface-id", "start", "end", "action", "log-status"} { // what the server decides by
		if field, ok := flow.Lookup(name); ok && !slices.Contains(fields, field) {
			fields = append(fields, field)
		}
	}
	place := func(name string) int {
		return slices.IndexFunc(fields, func(f flow.Field) bool { return f.Name == name })
	}
	p.files = f.LogDestinationType == ec2types.LogDestinationTypeS3
	p.fields, p.eni, p.start, p.stop = fields, place("interface-id"), place("start"), place("end")
	p.interval, p.mapped = int64(aws.ToInt32(f.MaxAggregationInterval)), map[string]string{}

	resource := aws.ToString(f.ResourceId)
	filter := map[string]string{"vpc": "vpc-id", "subnet": "subnet-id", "eni": "network-interface-id"}[strings.SplitN(resource, "-", 2)[0]]
	for pages := ec2.NewDescribeNetworkInterfacesPaginator(p.ec2, &ec2.DescribeNetworkInterfacesInput{
		Filters: []ec2types.Filter{{Name: &filter, Values: []string{resource}}},
	}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, i := range page.NetworkInterfaces {
			p.interfaces = append(p.interfaces, aws.ToString(i.NetworkInterfaceId))
		}
	}
	if len(p.interfaces) < p.want {
		if err := p.makeInterfaces(ctx, resource); err != nil {
			return err
		}
	}
	if len(p.interfaces) == 0 {
		return fmt.Errorf("%s logs %s, which has no network interface: make one with\n  aws ec2 create-network-interface --subnet-id subnet-…\nor have some made: --interfaces 4", p.flowLog, resource)
	}
	return nil
}

// makeInterfaces makes interfaces until the resource has as many as are wanted; in a VPC without subnets a subnet too.
func (p *player) makeInterfaces(ctx context.Context, resource string) error {
	subnet := resource
	switch {
	case strings.HasPrefix(resource, "eni-"):
		return fmt.Errorf("%s logs %s: it is one interface, --interfaces is for a VPC or a subnet", p.flowLog, resource)
	case strings.HasPrefix(resource, "vpc-"):
		there, err := p.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: []ec2types.Filter{{Name: aws.String("vpc-id"), Values: []string{resource}}}})
		if err != nil {
			return err
		}
		if len(there.Subnets) > 0 {
			subnet = aws.ToString(there.Subnets[0].SubnetId)
			break
		}
		vpcs, err := p.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{resource}})
		if err != nil {
			return err
		}
		made, err := p.ec2.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &resource, CidrBlock: vpcs.Vpcs[0].CidrBlock})
		if err != nil {
			return err
		}
		subnet = aws.ToString(made.Subnet.SubnetId)
		note(p.log, "made subnet %s in %s", subnet, resource)
	}
	for n := p.want - len(p.interfaces); n > 0; n-- {
		made, err := p.ec2.CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{SubnetId: &subnet, Description: aws.String("made by flowlake generate")})
		if err != nil {
			return err
		}
		p.interfaces = append(p.interfaces, aws.ToString(made.NetworkInterface.NetworkInterfaceId))
	}
	note(p.log, "%s has %s now", resource, count(int64(len(p.interfaces)), "network interface"))
	return nil
}

// play sends batch after batch, at the rate that was asked for.
func (p *player) play(ctx context.Context, g *synthetic.Generator, rows int) error {
	bar := recordBar(rows)
	defer bar.Finish()
	most, pause := playRecords, time.Duration(0)
	if p.rate > 0 {
		most = max(1, min(playRecords, p.rate/4)) // four requests a second, unless they are too large or too small
		pause = time.Duration(most) * time.Second / time.Duration(p.rate)
	}
	header := []byte(flow.Header(p.fields) + "\n")
	body, line := bytes.Clone(header), []byte(nil)
	n, more := 0, rows > 0 // 0 rows are no end to a Generator
	next := time.Now()
	for more {
		if line, more = g.Next(line[:0]); more {
			body = append(p.rewrite(body, line, time.Now().Unix()), '\n')
			n++
		}
		if n == 0 || more && n < most && len(body) < playBytes {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Until(next)):
		}
		if next = next.Add(pause); time.Since(next) > time.Second { // a server that is slower is not run after
			next = time.Now()
		}
		if err := p.put(ctx, body); err != nil {
			return err
		}
		if err := bar.Add(n); err != nil {
			return err
		}
		body, n = append(body[:0], header...), 0
	}
	return nil
}

// rewrite appends a line with an interface of the resource, and in a live play with times of the interval that ends now.
func (p *player) rewrite(dst, line []byte, now int64) []byte {
	p.columns = p.columns[:0]
	for column := range bytes.SplitSeq(line, []byte{' '}) {
		p.columns = append(p.columns, column)
	}
	start, startErr := strconv.ParseInt(string(p.columns[p.start]), 10, 64)
	stop, stopErr := strconv.ParseInt(string(p.columns[p.stop]), 10, 64)
	for i, column := range p.columns {
		if i > 0 {
			dst = append(dst, ' ')
		}
		began := now - p.interval + start%p.interval // made up on whole intervals since 1970
		switch {
		case i == p.eni:
			dst = append(dst, p.real(string(column))...)
		case p.live && i == p.start && startErr == nil:
			dst = strconv.AppendInt(dst, began, 10)
		case p.live && i == p.stop && startErr == nil && stopErr == nil:
			dst = strconv.AppendInt(dst, began+stop-start, 10)
		default:
			dst = append(dst, column...)
		}
	}
	return dst
}

// real gives each made-up interface one of the resource's, in turn.
func (p *player) real(eni string) string {
	if found, ok := p.mapped[eni]; ok {
		return found
	}
	found := p.interfaces[len(p.mapped)%len(p.interfaces)]
	p.mapped[eni] = found
	return found
}

// put sends one batch. A server that has too much waiting is asked again; nothing of the batch is in then.
func (p *player) put(ctx context.Context, body []byte) error {
	path := doorflowlake.RecordsPath + "?flow-log=" + url.QueryEscape(p.flowLog)
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		answer, err := post(ctx, p.cfg, "flowlake", path, body, nil)
		if err != nil && strings.HasPrefix(err.Error(), "SlowDown: ") {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(wait):
				continue
			}
		}
		if err != nil {
			return err
		}
		var got doorflowlake.RecordsAnswer
		err = json.NewDecoder(answer).Decode(&got)
		if err = errors.Join(err, answer.Close()); err != nil {
			return fmt.Errorf("the server's answer: %w", err)
		}
		p.sent.Delivered += got.Delivered
		p.sent.Traffic += got.Traffic
		p.sent.Elsewhere += got.Elsewhere
		p.sent.Rejected += got.Rejected
		return nil
	}
}

// recordBar counts records on standard error, where that is a terminal.
func recordBar(total int) *progressbar.ProgressBar {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return progressbar.NewOptions(total, progressbar.OptionSetWriter(io.Discard), progressbar.OptionSetVisibility(false))
	}
	return progressbar.NewOptions(total,
		progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription("records"), progressbar.OptionShowCount(),
		progressbar.OptionShowIts(), progressbar.OptionSetItsString("records"), progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
}
