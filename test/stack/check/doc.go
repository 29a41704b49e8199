// Command check reads the stack as the programs that are made for it do, and prints what it holds as JSON: compose-go
// loads docker-compose.yml, for each profile; BuildKit converts and lints Dockerfile; Grafana's types read the dashboard,
// and Prometheus's parser the queries of rules and dashboard.
//
//	check ROOT
//
// It is a module of its own: what these libraries need never enters resift's.
package main
