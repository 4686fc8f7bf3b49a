// Package engine is the use cases of a container engine: containers, images,
// networks and volumes, for whoever asks, be it a command line, an API over HTTP
// or a plugin.
//
// It takes parsed values and returns data and typed errors. It prints nothing,
// reads no environment and no arguments, and knows nothing of the words that its
// callers use: whatever can be wrong with those is found by the callers before
// they call. Warnings are data, the progress of a transfer goes to an interface,
// and streams are readers and writers.
//
// Every method takes a context first. What waits, for a container's end or for
// bytes of a registry, ends with it; what has been made by then is undone. What
// takes a moment only is done all the same.
//
// Whoever uses it calls [Reexec] first thing in main: a container's first process
// and its monitor are the same program, executed anew.
//
// There is no daemon behind it. An [Engine] keeps nothing in memory that is not on
// disk, and several of them, in several processes, may work on one root.
package engine
