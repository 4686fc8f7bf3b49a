package kernel

import "testing"

func TestIsOOMKill(t *testing.T) {
	const (
		kill = "6,905,81242441,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/system.slice/mvrun-abc.scope,task_memcg=/system.slice/mvrun-abc.scope,task=tail,pid=812,uid=0\n"
		deep = "6,905,81242441,-;oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/system.slice/mvrun-abc.scope/part,task=tail,pid=812,uid=0\n"
		ours = "3,906,81242460,-;Memory cgroup out of memory: Killed process 812 (tail) total-vm:20404kB, anon-rss:16000kB\n SUBSYSTEM=x\n"
		all  = "3,906,81242460,-;Out of memory: Killed process 812 (tail) total-vm:20404kB\n"
		talk = "4,907,81242461,-;tail invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n"
	)
	for _, test := range []struct {
		record, cgroup string
		pid            int
		want           bool
	}{
		{kill, "mvrun-abc.scope", 1, true},
		{deep, "mvrun-abc.scope", 1, true},
		{kill, "mvrun-ab", 812, false}, // the line with the pid counts it
		{kill, "mvrun-def.scope", 812, false},
		{ours, "mvrun-def.scope", 812, true},
		{all, "mvrun-def.scope", 812, true},
		{ours, "mvrun-abc.scope", 81, false},
		{talk, "mvrun-abc.scope", 812, false},
		{"", "mvrun-abc.scope", 812, false},
	} {
		if got := isOOMKill(test.record, test.cgroup, test.pid); got != test.want {
			t.Errorf("%q for %s, %d: %v", test.record, test.cgroup, test.pid, got)
		}
	}
}
