package main

import (
	"archive/tar"
	"bytes"
	"path"
	"slices"
	"time"
)

// The directories and files that Docker's busybox image has.
var directories = map[string]int64{
	"bin/": 0o755, "dev/": 0o755, "etc/": 0o755, "home/": 0o755, "proc/": 0o755,
	"root/": 0o700, "sbin/": 0o755, "sys/": 0o755, "tmp/": 0o1777, "usr/": 0o755,
	"usr/bin/": 0o755, "usr/sbin/": 0o755, "var/": 0o755, "var/spool/": 0o755,
	"var/spool/mail/": 0o755, "var/www/": 0o755,
}

var files = map[string]string{
	"etc/passwd": `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
bin:x:2:2:bin:/bin:/bin/false
sys:x:3:3:sys:/dev:/bin/false
sync:x:4:100:sync:/bin:/bin/sync
mail:x:8:8:mail:/var/spool/mail:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
operator:x:37:37:Operator:/var:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
`,
	"etc/group": `root:x:0:
daemon:x:1:
bin:x:2:
sys:x:3:
adm:x:4:
tty:x:5:
disk:x:6:
lp:x:7:
mail:x:8:
kmem:x:9:
wheel:x:10:root
cdrom:x:11:
dialout:x:18:
floppy:x:19:
video:x:28:
audio:x:29:
tape:x:32:
www-data:x:33:
operator:x:37:
utmp:x:43:
plugdev:x:46:
staff:x:50:
lock:x:54:
netdev:x:82:
users:x:100:
nobody:x:65534:
`,
	"etc/shadow": `root:*:::::::
daemon:*:::::::
bin:*:::::::
sys:*:::::::
sync:*:::::::
mail:*:::::::
www-data:*:::::::
operator:*:::::::
nobody:*:::::::
`,
	"etc/nsswitch.conf": `passwd: files
group: files
shadow: files
hosts: files dns
`,
}

var fileModes = map[string]int64{"etc/shadow": 0o600}

// tarball is the image's one layer, uncompressed. Every applet is in /bin, as in
// Docker's image, and also where busybox itself would install it (/sbin/ip,
// /usr/bin/env): scripts name either. They are hard links, one inode in all.
func tarball(busybox []byte, applets []string, when time.Time) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	add := func(hdr tar.Header, content []byte) error {
		hdr.ModTime, hdr.Size, hdr.Format = when, int64(len(content)), tar.FormatUSTAR
		if err := w.WriteHeader(&hdr); err != nil {
			return err
		}
		_, err := w.Write(content)
		return err
	}
	for _, dir := range sortedKeys(directories) {
		if err := add(tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: directories[dir]}, nil); err != nil {
			return nil, err
		}
	}
	for _, name := range sortedKeys(files) {
		mode := fileModes[name]
		if mode == 0 {
			mode = 0o644
		}
		if err := add(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode}, []byte(files[name])); err != nil {
			return nil, err
		}
	}
	if err := add(tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755}, busybox); err != nil {
		return nil, err
	}
	for _, link := range links(applets) {
		if err := add(tar.Header{Typeflag: tar.TypeLink, Name: link, Linkname: "bin/busybox", Mode: 0o755}, nil); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), w.Close()
}

// links are the names for the binary besides bin/busybox, sorted.
func links(applets []string) []string {
	names := map[string]bool{}
	for _, applet := range applets {
		names["bin/"+path.Base(applet)] = true
		if _, ok := directories[path.Dir(applet)+"/"]; ok {
			names[applet] = true
		}
	}
	delete(names, "bin/busybox")
	return sortedKeys(names)
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
