// Package ab tells from records of searches and clicks which arm of an experiment serves its users better.
//
// It promises honest figures: users are the unit, so that one who searches a thousand times counts as one; every difference has
// a 95 % interval and p, and a second interval that stays right however often one looks; a split that is not the planned one
// is called out before anything else.
package ab
