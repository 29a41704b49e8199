// Package proxy is the handler between a search client and its engine.
//
// Every request that is not a search is forwarded as it is, streaming both ways. A search is planned (Plan); what the plan
// bypasses is forwarded too; the rest is sent to the engine with a window of hits in place of the client's page, its hits
// are scored, and the client's page is cut from the new order. A hit's bytes are never decoded and encoded again. The searches of
// a multi-search are planned, scored and answered each by itself, and asked for in one request.
//
// The promises: whatever goes wrong after the plan, the client gets the engine's own answer to its own page, with the status
// "fallback" and a reason; the engine is only ever asked with the client's own credentials; the multiset of hits is the
// engine's; no body, credential or query text reaches a log, a span or an error.
package proxy
