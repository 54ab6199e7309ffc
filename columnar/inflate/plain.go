//go:build !isal || !cgo

package inflate

import "bufio"

const linked = "go"

func newBody(in *bufio.Reader) body { return newGoBody(in) }
