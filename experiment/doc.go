// Package experiment decides which arm a search belongs to, and mixes two orders for an interleaved one.
//
// It promises: the same unit (a user, a session, an address) always gets the same arm of an experiment, and two experiments
// with different salts assign independently; an interleaved order holds every document of the engine's order once, and is
// the same whenever the same unit repeats the same query, so that paging and caches stay right.
package experiment
