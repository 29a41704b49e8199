// Package compare has the pages at the admin port. One shows the engine's order and the model's side by side for a query: what
// moved, how far, with which scores, which passage of a text its score comes from, and what each step took. The other shows how
// experiments go.
//
// It promises: it asks through the proxy like any client, with the credentials of whoever looks and no others; nothing of a
// document, a query or a record reaches a page unescaped; it needs no script and no file from elsewhere.
package compare
