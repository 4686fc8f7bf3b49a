package rootfs

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// machinesXattr is on the top directory of a layer that holds 32-bit programs,
// beside the size.
const machinesXattr = "trusted.mvrun.machines"

// machines32 are the 32-bit machines that a 64-bit kernel of the same family
// runs programs of, by ELF's number and by the name that images have for them.
var machines32 = map[elf.Machine]string{
	elf.EM_386: "386",
	elf.EM_ARM: "arm",
}

// headLen is as much of an ELF file as names its machine, in bytes.
const headLen = 20

// machine32 is the machine of a 32-bit little-endian ELF file that begins with
// head; "" for any other file.
func machine32(head []byte) string {
	if len(head) < headLen || !bytes.HasPrefix(head, []byte(elf.ELFMAG)) ||
		elf.Class(head[elf.EI_CLASS]) != elf.ELFCLASS32 || elf.Data(head[elf.EI_DATA]) != elf.ELFDATA2LSB {
		return ""
	}
	return machines32[elf.Machine(binary.LittleEndian.Uint16(head[18:]))]
}

// programs reads a layer's tarball through and notes for which 32-bit machines
// it has programs or libraries.
type programs struct {
	tarball io.Reader
	head    []byte // of the entry that is being read
	want    int    // bytes of head still to come
	found   map[string]bool
}

func newPrograms(tarball io.Reader) *programs {
	return &programs{tarball: tarball, head: make([]byte, 0, headLen), found: map[string]bool{}}
}

// enter is told of an entry when all before its content has been read, and no
// byte more.
func (p *programs) enter(hdr *tar.Header) {
	p.head, p.want = p.head[:0], 0
	if hdr.Typeflag == tar.TypeReg && hdr.Size >= headLen && !isSparse(hdr) {
		p.want = headLen
	}
}

func (p *programs) Read(b []byte) (int, error) {
	n, err := p.tarball.Read(b)
	if p.want > 0 && n > 0 {
		more := b[:min(n, p.want)]
		p.head, p.want = append(p.head, more...), p.want-len(more)
		if name := machine32(p.head); name != "" {
			p.found[name] = true
		}
	}
	return n, err
}

func (p *programs) record(dir string) error {
	if len(p.found) == 0 {
		return nil
	}
	names := strings.Join(slices.Sorted(maps.Keys(p.found)), ",")
	if err := unix.Setxattr(dir, machinesXattr, []byte(names), 0); err != nil {
		return fmt.Errorf("record the layer's machines: %w", err)
	}
	return nil
}

// Machines are the 32-bit machines of which the unpacked layers hold programs
// or libraries, as images name them: "386", "arm". A layer without a record has
// none.
func Machines(layers []string) (names []string, err error) {
	buf := make([]byte, 64)
	for _, dir := range layers {
		n, err := unix.Getxattr(dir, machinesXattr, buf)
		if errors.Is(err, unix.ENODATA) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the machines of layer %s: %w", dir, err)
		}
		names = append(names, strings.Split(string(buf[:n]), ",")...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
