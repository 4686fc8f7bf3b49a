package kernel

import "testing"

func TestCgroupMounts(t *testing.T) {
	for in, want := range map[string]int{
		"0::/\n":                                1,
		"2:cpu:/\n1:name=systemd:/\n0::/x\n":    4, // tmpfs, cpu, systemd, unified
		"3:cpu,cpuacct:/\n2:memory:/a:b\nbad\n": 3,
	} {
		if got := cgroupMounts(in); len(got) != want {
			t.Errorf("%q: %v", in, got)
		}
	}
}
