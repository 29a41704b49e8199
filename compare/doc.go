// Package compare is the page at the admin port that shows the engine's order and the model's side by side for a query: what
// moved, how far, with which scores, and what each step took.
//
// It promises: it asks through the proxy like any client, with the credentials of whoever looks and no others; nothing of a
// document or a query reaches the page unescaped; it needs no script and no file from elsewhere.
package compare
