// Command caddy is Caddy with its reverse proxy, built from its own Go module: one of the plain proxies that resift is
// measured beside. It is a module of its own, so that what Caddy needs never enters resift's.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

func main() { caddycmd.Main() }
