// Package configs reads resift's configuration: a YAML file, defaults for every key it leaves out, and RESIFT_…
// environment variables over both.
//
// It promises that a configuration is taken whole or not at all; that every problem is named at once, with the path of
// its field and its line; that unknown keys are errors; and that a printed configuration is one that can be loaded
// again, with secrets masked. reference.yaml in this folder shows every key with its default and is held to that by a
// test.
package configs
