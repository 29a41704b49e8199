// Package wire guards an HTTP/1.x listener. net/http repairs some requests that two programs could read differently: it drops
// Content-Length beside Transfer-Encoding, ignores Transfer-Encoding in HTTP/1.0, takes a bare LF for the end of a line and joins folded
// lines. Behind another proxy each of these lets a client hide one request in another ("request smuggling"). So the bytes
// of every head, and the framing of every body, are checked before net/http sees them, by a grammar that leaves nothing open.
//
// A head that breaks it reaches the server as a request that says so (Refused), in its turn among pipelined requests; the handler
// answers it in its own words and the connection ends. A body that breaks it ends in a read error. What passes is handed on
// untouched. HTTP/2, whose frames leave no room for any of this, passes by.
package wire
