// Package engines boots a real, single-node OpenSearch or Elasticsearch on loopback, for the demo and for tests.
//
// No container and no distribution archive: a recipe (recipes/NAME) lists the engine's jars, which Maven fetches once
// into the cache where each is held against a pinned sha256, and a launcher of some fifty lines, embedded as a class
// file, starts the node. Java is found on the machine, or a runtime is fetched the same pinned way.
//
// [Start] returns when the engine answers. The engine is a process group of its own: [Engine.Stop] ends it, and it ends
// by itself when the process that started it is gone, however that one died.
//
// [Jars] fetches other things of Maven's the same way.
//
// Elasticsearch's jars are not under an open-source licence; they serve tests and are no part of a release.
package engines
