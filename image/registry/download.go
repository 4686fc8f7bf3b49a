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

	mu   sync.Mutex
	more *sync.Cond
	file *os.File // set when there is something to read; shared by all readers
	done int64    // bytes of file that are there
	end  bool     // nothing follows: all is checked, or err says why not
	err  error
}

func newDownload(s *store.Blobs, desc v1.Descriptor, from *session, bars image.Progress) *download {
	d := &download{blobs: s, desc: desc, pull: from, bars: bars, name: image.ShortHash(desc.Digest)}
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

// resume reads what an earlier attempt left and fetches the rest, as often as
// there is progress.
func (d *download) resume(ctx context.Context, f *os.File) error {
	sum := sha256.New()
	have, err := io.Copy(sum, f)
	if err != nil {
		return fmt.Errorf("read partial download: %w", err)
	}
	if have > d.desc.Size { // longer than it should be: all over again
		have = 0
		if err := f.Truncate(0); err != nil {
			return err
		}
	}
	delay := firstRetryDelay
	for failures := 0; have != d.desc.Size; {
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
			return err
		}
		d.bars.Status(d.name, "Retrying")
		if err := sleep(ctx, delay); err != nil {
			return err
		}
		delay *= 2
	}
	d.grown(have)
	if got := hex.EncodeToString(sum.Sum(nil)); got != d.desc.Digest.Hex {
		return fmt.Errorf("%w: got sha256:%s", image.ErrDigest, got)
	}
	return nil
}

// request asks for the blob from byte have on and appends it to the file. It
// returns how much of the blob is there then.
func (d *download) request(ctx context.Context, f *os.File, sum hash.Hash, have int64) (int64, error) {
	url := fmt.Sprintf("%s://%s/v2/%s/blobs/%s", d.pull.repo.Scheme(), d.pull.repo.RegistryStr(), d.pull.repo.RepositoryStr(), d.desc.Digest)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return have, err
	}
	if have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", have, d.desc.Size-1)) // not all take an open end
	}
	client := http.Client{Transport: d.pull.rt}
	resp, err := client.Do(req)
	if err != nil {
		return have, err
	}
	defer resp.Body.Close()
	if err := transport.CheckError(resp, http.StatusOK, http.StatusPartialContent); err != nil {
		return have, err
	}
	if resp.StatusCode == http.StatusOK || have == 0 {
		have = 0 // the registry knows no ranges: all over again
		sum.Reset()
	}
	// Overwritten, not truncated: there may be readers, and the bytes are the same.
	if _, err := f.Seek(have, io.SeekStart); err != nil {
		return have, err
	}
	return d.copy(f, sum, resp.Body, have)
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
