package rootfs

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"io"
	"slices"
	"testing"
	"testing/iotest"
)

// elfHead is the beginning of an ELF file.
func elfHead(class elf.Class, data elf.Data, machine elf.Machine) string {
	head := slices.Concat([]byte(elf.ELFMAG), []byte{byte(class), byte(data), byte(elf.EV_CURRENT)}, make([]byte, 9), []byte{byte(elf.ET_DYN), 0, 0, 0})
	head[18], head[19] = byte(machine), byte(machine>>8)
	if data == elf.ELFDATA2MSB {
		head[16], head[17], head[18], head[19] = head[17], head[16], head[19], head[18]
	}
	return string(head)
}

var i386 = elfHead(elf.ELFCLASS32, elf.ELFDATA2LSB, elf.EM_386)

func TestMachine32(t *testing.T) {
	for name, tt := range map[string]struct{ head, want string }{
		"i386":           {i386, "386"},
		"arm":            {elfHead(elf.ELFCLASS32, elf.ELFDATA2LSB, elf.EM_ARM), "arm"},
		"x86-64":         {elfHead(elf.ELFCLASS64, elf.ELFDATA2LSB, elf.EM_X86_64), ""},
		"x32":            {elfHead(elf.ELFCLASS32, elf.ELFDATA2LSB, elf.EM_X86_64), ""},
		"arm big-endian": {elfHead(elf.ELFCLASS32, elf.ELFDATA2MSB, elf.EM_ARM), ""},
		"64-bit 386":     {elfHead(elf.ELFCLASS64, elf.ELFDATA2LSB, elf.EM_386), ""},
		"short":          {i386[:19], ""},
		"no ELF":         {"\x7fELG" + i386[4:], ""},
		"script":         {"#!/bin/sh\necho hello world\n", ""},
		"nothing":        {"", ""},
	} {
		if got := machine32([]byte(tt.head)); got != tt.want {
			t.Errorf("%s: machine %q, want %q", name, got, tt.want)
		}
	}
}

// The record is of the layer that holds the program, wherever in it, and only of
// files that begin so.
func TestUnpackNotesMachines(t *testing.T) {
	arm := elfHead(elf.ELFCLASS32, elf.ELFDATA2LSB, elf.EM_ARM)
	many := append(fillers("a"), entry{name: "lib/ld.so", body: i386 + "more"})
	for name, tt := range map[string]struct {
		layers []*tarLayer
		want   []string
	}{
		"none":               {[]*tarLayer{newLayer(t, entry{name: "a", body: elfHead(elf.ELFCLASS64, elf.ELFDATA2LSB, elf.EM_X86_64)})}, nil},
		"one":                {[]*tarLayer{newLayer(t, entry{name: "a", body: i386})}, []string{"386"}},
		"in the second part": {[]*tarLayer{newLayer(t, append(many, fillers("b")...)...)}, []string{"386"}},
		"one of three":       {[]*tarLayer{newLayer(t, entry{name: "a", body: "x"}), newLayer(t, entry{name: "b", body: i386}), newLayer(t, entry{name: "c"})}, []string{"386"}},
		"two kinds":          {[]*tarLayer{newLayer(t, entry{name: "a", body: i386}, entry{name: "b", body: arm}), newLayer(t, entry{name: "c", body: i386})}, []string{"386", "arm"}},
		"not at the start":   {[]*tarLayer{newLayer(t, entry{name: "a", body: "x" + i386})}, nil},
		"over two files":     {[]*tarLayer{newLayer(t, entry{name: "a", body: i386[:10]}, entry{name: "b", body: i386[10:]})}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			lower, err := Open(t.TempDir()).Unpack(t.Context(), layers(tt.layers...))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := Machines(lower); err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("machines %q, %v; want %q", got, err, tt.want)
			}
		})
	}
	if _, err := Machines([]string{t.TempDir() + "/gone"}); err == nil {
		t.Error("a layer that is not there has a record")
	}
}

// A file's head counts however few bytes come at a time.
func TestProgramsByteByByte(t *testing.T) {
	layer := newLayer(t, entry{name: "a", body: "text"}, entry{name: "b", body: i386 + i386}, entry{name: "c"})
	content, err := layer.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(content)
	if err != nil {
		t.Fatal(err)
	}
	p := newPrograms(iotest.OneByteReader(bytes.NewReader(plain)))
	for tr := tar.NewReader(p); ; {
		hdr, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		p.enter(hdr)
	}
	if len(p.found) != 1 || !p.found["386"] {
		t.Errorf("found %v", p.found)
	}
}
