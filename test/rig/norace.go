//go:build !race

package rig

const raceFlag = "-race=false"
