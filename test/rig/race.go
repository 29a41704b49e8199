//go:build race

package rig

// The binary is built as the tests are: what `go test -race` is asked to watch is above all the process under test.
const raceFlag = "-race"
