// Package ubi records searches and what users did with them, in the shape of OpenSearch's User Behavior Insights
// (ubi_queries and ubi_events, schema 1.3), to files or to an engine's indices.
//
// It promises: recording never makes a search wait; memory is bounded; what could not be kept is counted; a record leaves out
// or hashes what the operator does not want kept.
package ubi
