// Package stack holds Dockerfile, docker-compose.yml and deploy to what they promise, where there is no Docker: what a
// container would run is run here, with the same arguments, variables and files, against a real engine. Command check,
// a module of its own, reads the files by the libraries of those who will.
//
// With RESIFT_TEST_STACK (`make test-stack` sets it), the real Prometheus and OpenTelemetry Collector run too, and every
// query of the dashboard must find something.
package stack
