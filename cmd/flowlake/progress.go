package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// aboveBar writes to the terminal that a bar is on: the bar gives way, and comes again with its next step.
type aboveBar struct {
	bar *progressbar.ProgressBar
	w   io.Writer
}

func (a aboveBar) Write(p []byte) (int, error) {
	if err := a.bar.Clear(); err != nil {
		return 0, err
	}
	return a.w.Write(p)
}

// newProgress returns a bar on standard error that counts bytes of a known total (-1 for unknown), and
// a bar that shows nothing where standard error is not a terminal.
func newProgress(what string, total int64) *progressbar.ProgressBar {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return progressbar.NewOptions64(total, progressbar.OptionSetWriter(io.Discard), progressbar.OptionSetVisibility(false))
	}
	return progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(true),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)
}
