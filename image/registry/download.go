package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/compression"
	"github.com/mvrun/mvrun/image/store"
	"github.com/mvrun/mvrun/internal/jsonfile"
)

// download fetches one blob into the ingest directory and publishes it when its
// digest is right. Others may read it while it grows. A partial file stays for
// the next time, also after kill -9; its flock keeps two commands from writing
// the same one.
type download struct {
	blobs *store.Blobs
	desc  v1.Descriptor
	pull  *session
	bars  image.Progress
	name  string // for the progress
	// url is where the blob is asked for, through transport.
	url       string
	transport http.RoundTripper

	mu   sync.Mutex
	more *sync.Cond
	file *os.File // set when there is something to read; shared by all readers
	done int64    // bytes of file that are there
	// version counts how often what was there turned out to be wrong, or not to be
	// gone on with; rewritten is set once bytes that could be read were written anew.
	version   int
	rewritten bool
	end       bool // nothing follows: all is checked, or err says why not
	err       error
}

func newDownload(s *store.Blobs, desc v1.Descriptor, from *session, bars image.Progress) *download {
	d := &download{blobs: s, desc: desc, pull: from, bars: bars, name: image.ShortHash(desc.Digest), transport: from.rt}
	d.url = fmt.Sprintf("%s://%s/v2/%s/blobs/%s", from.repo.Scheme(), from.repo.RegistryStr(), from.repo.RepositoryStr(), desc.Digest)
	d.more = sync.NewCond(&d.mu)
	return d
}

// run brings the blob into the store. It is idempotent.
func (d *download) run(ctx context.Context) error {
	err := d.fetch(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.end, d.err = true, err
	d.more.Broadcast()
	return err
}

func (d *download) fetch(ctx context.Context) error {
	if d.adopt() {
		d.bars.Status(d.name, "Already exists")
		return nil
	}
	d.bars.Start(d.name, d.desc.Size)
	part := filepath.Join(d.blobs.IngestDir(), d.desc.Digest.Algorithm+"-"+d.desc.Digest.Hex)
	f, err := jsonfile.WaitLocked(ctx, part)
	if err != nil {
		return err
	}
	if d.adopt() { // another command brought it meanwhile
		_ = os.Remove(part)
		f.Close()
		return nil
	}
	defer f.Close() // and with it the lock
	readers, err := os.Open(part)
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.file = readers
	d.mu.Unlock()
	err = d.resume(ctx, f)
	for _, url := range d.desc.URLs {
		// Layers that may not be given away are not in the registry: their descriptors
		// say where they are. Nobody there gets the registry's credentials.
		if !isNotFound(err) {
			break
		}
		d.url, d.transport = url, d.pull.plain
		if err = d.restart(f); err == nil {
			err = d.resume(ctx, f)
		}
	}
	if err == nil {
		err = d.blobs.Publish(f, d.desc.Digest)
	}
	if errors.Is(err, image.ErrDigest) || errors.Is(err, unix.ENOSPC) {
		_ = os.Remove(part) // nothing worth to go on from, or to fill the disk with
	}
	if err != nil {
		return fmt.Errorf("download layer %s: %w", d.name, err)
	}
	d.bars.Status(d.name, "Download complete")
	return nil
}

func isNotFound(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}

// close is for when nobody reads any more.
func (d *download) close() {
	if d.file != nil {
		d.file.Close()
	}
}

// adopt makes the download one of a blob that is in the store.
func (d *download) adopt() bool {
	if !d.blobs.Has(d.desc.Digest, d.desc.Size) {
		return false
	}
	f, err := os.Open(d.blobs.Path(d.desc.Digest))
	if err != nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.close()
	d.file, d.done = f, d.desc.Size
	d.more.Broadcast()
	return true
}

// resume reads what an earlier attempt left and fetches the rest. What was put
// together of several answers, and has the wrong digest, or which the registry
// does not want to go on with, may be wrong in any part of it: it is fetched all
// over again, once. So a healthy registry always gets its blob across, whatever
// lies there.
func (d *download) resume(ctx context.Context, f *os.File) error {
	sum := sha256.New()
	have, err := d.left(f, sum)
	if err != nil {
		return err
	}
	for again := false; ; again = true {
		pieced, err := d.fill(ctx, f, sum, have)
		if err == nil {
			if got := hex.EncodeToString(sum.Sum(nil)); got != d.desc.Digest.Hex {
				err = fmt.Errorf("%w: got sha256:%s", image.ErrDigest, got)
			}
		}
		if again || !pieced || !errors.Is(err, image.ErrDigest) && !errors.As(err, &noRange{}) {
			return err
		}
		if err := d.restart(f); err != nil {
			return err
		}
		sum.Reset()
		have = 0
	}
}

// sourceXattr names the registry that a partial file came from.
const sourceXattr = "trusted.mvrun.source"

// left returns how many bytes of the blob an earlier attempt left, hashed. Those
// of another registry are no good: a mirror's mistake is not to be added to.
func (d *download) left(f *os.File, sum hash.Hash) (int64, error) {
	host := d.pull.repo.RegistryStr()
	buf := make([]byte, 256)
	n, err := unix.Fgetxattr(int(f.Fd()), sourceXattr, buf)
	foreign := err == nil && string(buf[:n]) != host
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	have, err := io.Copy(sum, f)
	if err != nil {
		return 0, fmt.Errorf("read partial download: %w", err)
	}
	if have > d.desc.Size || foreign {
		sum.Reset()
		have = 0
		if err := f.Truncate(0); err != nil {
			return 0, err
		}
	}
	// Where a file system can't keep it, the digest alone says what is wrong.
	_ = unix.Fsetxattr(int(f.Fd()), sourceXattr, []byte(host), 0)
	return have, nil
}

// restart empties the file. Who read of it must begin again.
func (d *download) restart(f *os.File) error {
	d.mu.Lock()
	d.done, d.rewritten = 0, true
	d.version++
	d.more.Broadcast()
	d.mu.Unlock()
	return f.Truncate(0)
}

// fill fetches the blob from byte have on, as often as there is progress. pieced
// says that not all of it came in one answer.
func (d *download) fill(ctx context.Context, f *os.File, sum hash.Hash, have int64) (pieced bool, err error) {
	pieced = have > 0
	delay := firstRetryDelay
	for failures := 0; have != d.desc.Size; {
		pieced = pieced || have > 0
		got, err := d.request(ctx, f, sum, have)
		if err == nil && got == d.desc.Size {
			have = got
			break
		}
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		if got > have {
			failures, delay = 0, firstRetryDelay
		}
		have = got
		if failures++; failures == attempts || !passing(err) || ctx.Err() != nil {
			return pieced, err
		}
		d.bars.Status(d.name, "Retrying")
		if err := sleep(ctx, delay); err != nil {
			return pieced, err
		}
		delay *= 2
	}
	d.grown(have)
	return pieced, nil
}

// noRange says that a registry does not give the rest of a blob.
type noRange struct{ error }

func (e noRange) Unwrap() error { return e.error }

// request asks for the blob from byte have on and appends it to the file. It
// returns how much of the blob is there then.
func (d *download) request(ctx context.Context, f *os.File, sum hash.Hash, have int64) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url, nil)
	if err != nil {
		return have, err
	}
	if have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", have, d.desc.Size-1)) // not all take an open end
	}
	client := http.Client{Transport: d.transport}
	resp, err := client.Do(req)
	if err != nil {
		return have, err
	}
	defer resp.Body.Close()
	if err := d.check(resp, have); err != nil {
		return have, err
	}
	if resp.StatusCode == http.StatusOK && have > 0 {
		have = 0 // the registry knows no ranges: all over again
		sum.Reset()
		d.mu.Lock()
		d.rewritten = true
		d.mu.Unlock()
	}
	// Overwritten, not truncated: there may be readers, and the bytes should be the
	// same.
	if _, err := f.Seek(have, io.SeekStart); err != nil {
		return have, err
	}
	return d.copy(f, sum, resp.Body, have)
}

// check refuses an answer that can't be the blob from byte have on.
func (d *download) check(resp *http.Response, have int64) error {
	if err := transport.CheckError(resp, http.StatusOK, http.StatusPartialContent); err != nil {
		switch code := resp.StatusCode; code {
		case http.StatusUnauthorized, http.StatusRequestTimeout, http.StatusTooManyRequests:
		default:
			if have > 0 && code >= 400 && code < 500 {
				return noRange{err}
			}
		}
		return err
	}
	want := d.desc.Size
	if resp.StatusCode == http.StatusPartialContent {
		var first int64
		if _, err := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-", &first); err != nil || first != have {
			return noRange{fmt.Errorf("the registry was asked for the bytes from %d on and answers with %q", have, resp.Header.Get("Content-Range"))}
		}
		want -= have
	}
	if resp.ContentLength >= 0 && resp.ContentLength != want {
		return wrongLength{resp.ContentLength, want} // a proxy's page, say
	}
	return nil
}

// wrongLength is an answer that is not the blob, whatever it is. It may pass.
type wrongLength struct{ got, want int64 }

func (e wrongLength) Error() string {
	return fmt.Sprintf("the registry sends %d bytes instead of %d", e.got, e.want)
}

// copy appends the body to the file and tells the readers. A body that is longer
// than the blob is cut: the digest will say that it is wrong.
func (d *download) copy(f *os.File, sum hash.Hash, body io.Reader, have int64) (int64, error) {
	body = io.LimitReader(body, d.desc.Size-have)
	buf := make([]byte, compression.Chunk)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			if _, err := f.Write(buf[:n]); err != nil {
				return have, err
			}
			sum.Write(buf[:n])
			have += int64(n)
			d.grown(have)
		}
		if err == io.EOF {
			return have, nil
		}
		if err != nil {
			return have, err
		}
	}
}

// grown tells the readers and the progress how much is there. After a restart
// from zero, readers that were further wait until it is there again.
func (d *download) grown(have int64) {
	d.mu.Lock()
	d.done = have
	d.more.Broadcast()
	d.mu.Unlock()
	d.bars.Update(d.name, have)
}
