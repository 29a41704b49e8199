// Package rawjson reads and edits JSON without decoding it.
//
// A document is a []byte and stays one: every function answers with spans of it, so whoever copies a span copies the
// bytes as they came: big numbers, escapes, key order, white space and repeated keys included. Nothing here recurses, and
// nothing nested deeper than MaxDepth is accepted, so no input can exhaust the stack.
//
// Check is the strict door: RFC 8259, one value, valid UTF-8. The walkers (Members, Elements, WalkObject, WalkArray,
// Skip) are faster and look less closely: at the level they walk they hold to the grammar, below it they only match
// quotes and brackets. They never read outside the document, whatever it holds.
package rawjson
