package lab

import (
	"encoding/binary"
	"errors"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"golang.org/x/sys/unix"
)

// Capture reads every frame that passes a link, in both directions, as it is
// on the wire.
type Capture struct {
	t      testing.TB
	fd     int
	stop   chan struct{}
	done   sync.WaitGroup
	mu     sync.Mutex
	frames []gopacket.Packet
}

// CaptureOn starts to capture on a link of the namespace. Frames that pass
// after it returned are not missed.
func (n *Netns) CaptureOn(link string) *Capture {
	n.t.Helper()
	c := &Capture{t: n.t, stop: make(chan struct{})}
	index := n.Find(link).Attrs().Index
	err := n.Do(func() (err error) {
		c.fd, err = openPacketSocket(index)
		return err
	})
	if err != nil {
		n.t.Fatalf("capture on %s: %v", link, err)
	}
	c.done.Add(1)
	go c.read()
	n.t.Cleanup(c.Stop)
	return c
}

func openPacketSocket(index int) (int, error) {
	// Protocol 0 until bind names the link: nothing of another link gets in.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000}),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: index}),
	)
	if err != nil {
		unix.Close(fd)
	}
	return fd, err
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }

func (c *Capture) read() {
	defer c.done.Done()
	buf, oob := make([]byte, 1<<17), make([]byte, 128)
	for {
		n, oobn, _, _, err := unix.Recvmsg(c.fd, buf, oob, 0)
		switch {
		case err == unix.EAGAIN || err == unix.EINTR:
			select {
			case <-c.stop:
				return
			default:
				continue
			}
		case err != nil:
			return
		}
		frame := withTag(buf[:n], oob[:oobn])
		packet := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
		packet.Metadata().Timestamp = time.Now()
		c.mu.Lock()
		c.frames = append(c.frames, packet)
		c.mu.Unlock()
	}
}

// withTag copies the frame and puts its 802.1Q tag back: the kernel keeps a
// received tag beside the frame and tells it in PACKET_AUXDATA (packet(7)).
func withTag(frame, oob []byte) []byte {
	whole := append([]byte(nil), frame...)
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(frame) < 12 {
		return whole
	}
	for _, m := range messages {
		if m.Header.Level != unix.SOL_PACKET || m.Header.Type != unix.PACKET_AUXDATA || len(m.Data) < int(unsafe.Sizeof(unix.TpacketAuxdata{})) {
			continue
		}
		aux := (*unix.TpacketAuxdata)(unsafe.Pointer(&m.Data[0]))
		if aux.Status&unix.TP_STATUS_VLAN_VALID == 0 {
			continue
		}
		tag := binary.BigEndian.AppendUint16(nil, unix.ETH_P_8021Q)
		if aux.Status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
			binary.BigEndian.PutUint16(tag, aux.Vlan_tpid)
		}
		tag = binary.BigEndian.AppendUint16(tag, aux.Vlan_tci)
		whole = append(append(append([]byte(nil), frame[:12]...), tag...), frame[12:]...)
	}
	return whole
}

// Stop ends the capture; what was read stays readable.
func (c *Capture) Stop() {
	select {
	case <-c.stop:
		return
	default:
	}
	close(c.stop)
	c.done.Wait()
	unix.Close(c.fd)
}

// Frames is what has passed so far.
func (c *Capture) Frames() []gopacket.Packet {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]gopacket.Packet(nil), c.frames...)
}

// VID is the VLAN id of a frame, 0 when it is untagged.
func VID(p gopacket.Packet) uint16 {
	tag, ok := p.Layer(layers.LayerTypeDot1Q).(*layers.Dot1Q)
	if !ok {
		return 0
	}
	return tag.VLANIdentifier
}
