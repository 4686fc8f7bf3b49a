// Package vm runs mvrun on the kernels that its users have: virtual machines
// with Debian's kernel, its own 8021q driver and cgroup v2, joined by cables.
//
// A machine is a qemu process with a kernel from Debian's package, an
// initramfs built here (the agent, the modules, the programs under test) and a
// small Debian file system. Nothing of it touches the host beyond files in a
// temporary directory and the cache. Commands go to the agent in the machine
// over a virtio serial port (see the package wire), and everything has a
// deadline: a machine that hangs fails its test with its console's last lines.
package vm
