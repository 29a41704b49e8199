// Package yaml runs the engines' own REST tests, the YAML files of org.elasticsearch:rest-api-spec, through resift.
//
// What a test expects of its engine is not the point: the point is that it cannot tell whether resift stands between. One
// engine is booted for all tests and wiped after each. A request that changes something is sent once, through resift; one
// that only reads is sent to the engine, through resift and to the engine again. Where the engine says the same both times,
// resift has to say it too, but for what it is there to change: with a scorer to which all hits are alike, nothing; with
// one that turns every window around, the order of the hits and their scores. What differs between two answers of the
// engine is nothing to hold resift to, and counted as unsteady. A test that fails by its own measure is run once more on
// the engine alone, and has to fail there in the same places.
//
// `make test` runs the tests of searching on one engine, `make yamltest` all of them on the engines that it is given.
package yaml
