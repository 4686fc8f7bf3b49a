// A 32-bit program: it says hello, and what the kernel says to keyctl(2), which
// Docker's seccomp profile forbids.
package main

import (
	"runtime"
	"syscall"
)

// keyctl is the system call's number, from the kernel's syscall tables.
var keyctl = map[string]uintptr{"386": 288, "arm": 311}[runtime.GOARCH]

func main() {
	const sessionKeyring = ^uintptr(2) // KEY_SPEC_SESSION_KEYRING, -3
	says := "hello, keyctl is free\n"
	if _, _, errno := syscall.Syscall(keyctl, 0, sessionKeyring, 1); errno == syscall.EPERM {
		says = "hello, keyctl is forbidden\n"
	}
	if _, err := syscall.Write(1, []byte(says)); err != nil {
		syscall.Exit(1)
	}
}
