// Package engine is the use cases of a container engine: containers, images,
// networks and volumes, for whoever asks, be it a command line, an API over HTTP
// or a plugin.
//
// It takes parsed values and returns data and typed errors. It prints nothing,
// reads no environment and no arguments, and knows nothing of the words that its
// callers use. Whatever can be wrong with those is found by the callers, before
// they call.
//
// Whoever uses it must call Reexec first thing in main: a container's first
// process and its monitor are the same program, executed anew.
package engine
