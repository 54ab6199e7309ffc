// Package bench measures the real program beside its peers, both in one run on the same data, and prints
// one line a measurement: BENCH name ours=… peer=… ratio=…. It runs under `make bench` only: nothing
// here is a test with a time limit.
package bench
