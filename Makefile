# make build | demo | test | bench | lint
SHELL := bash
GO    ?= go
TAGS  := duckdb_arrow
# gzip is inflated by ISA-L where the system has it (Debian and Ubuntu: apt install libisal-dev; macOS: brew install isa-l), in Go otherwise.
ifneq ($(shell command -v pkg-config >/dev/null && pkg-config --exists libisal && echo yes),)
TAGS  := $(TAGS),isal
endif
# make bench BENCH=Upload runs one of them: Grok, PutLogEvents, Ready, Upload, Select, Convert, Delivery, Fresh, Compact, Layout, Access
BENCH ?=

.PHONY: build demo test bench lint tools fuzz golden

build: tools
	$(GO) build -tags $(TAGS) -o bin/flowlake ./cmd/flowlake

demo: build
	bin/flowlake demo

# Everything that must hold: rooms, doors with the official SDK, the real process, crashes, the README.
test: tools
	$(GO) test -tags $(TAGS) ./...

# Ratios against peers, measured in one run. Takes minutes and some GB of disk.
bench: build
	@set -o pipefail; case "$(BENCH)" in ""|Grok) \
	  $(GO) test -tags $(TAGS) -run '^$$' -bench '^BenchmarkSeedPatternRatio$$' -benchtime 1x -count 1 ./catalog/grok | grep -E '^BENCH|FAIL|panic';; esac
	@set -o pipefail; case "$(BENCH)" in Grok) ;; *) \
	  BENCH=1 $(GO) test -tags $(TAGS) -run '^TestBench($(BENCH))' -count 1 -timeout 60m -v ./bench | grep -E '^BENCH|FAIL|panic|_test.go';; esac

lint: tools
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "not formatted (gofmt -w):"; echo "$$unformatted"; exit 1; fi
	$(GO) vet -tags $(TAGS) ./...
	$(GO) tool staticcheck -tags $(TAGS) ./...

# Each fuzz target for a few seconds: make fuzz FOR=30s
FOR ?= 10s
fuzz: tools
	@set -e; for dir in $$(git grep -l '^func Fuzz' -- '*_test.go' | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -h -o '^func Fuzz[A-Za-z0-9_]*' $$dir/*_test.go | cut -c6-); do \
	    echo "$$dir $$f"; $(GO) test -tags $(TAGS) -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FOR) ./$$dir; done; done

tools:
	@command -v $(GO) >/dev/null || { echo "flowlake needs Go 1.26 or newer: https://go.dev/dl"; exit 1; }
	@cc=$$($(GO) env CC); cxx=$$($(GO) env CXX); for c in "$$cc" "$$cxx"; do command -v $${c%% *} >/dev/null || \
	  { echo "flowlake needs a C and a C++ compiler ($$c was not found): on Debian or Ubuntu, apt install build-essential; on macOS, xcode-select --install"; exit 1; }; done
	@[ "$$($(GO) env CGO_ENABLED)" = 1 ] || { echo "flowlake needs cgo: unset CGO_ENABLED"; exit 1; }
