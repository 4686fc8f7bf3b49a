package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/registry"
	"github.com/mvrun/mvrun/rootfs"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/oci"
)

// image finds the image, pulled if the policy says so.
func (cr *creation) image(ctx context.Context) (*image.Image, error) {
	o := cr.options
	img, err := registry.Ensure(ctx, openImages(cr.store.Root), o.Image, o.Pull.options(cr.store.Root))
	return img, typed(Image, o.Image.String(), err)
}

// layers unpacks what the pull did not: an image that was here already, or the
// one that is built in.
func (cr *creation) layers(ctx context.Context, img *image.Image) error {
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	conf := &cr.options.Config
	unpacked := openLayers(cr.store.Root, cr.options.Pull.MaxUnpacked)
	if conf.Layers, err = unpacked.Unpack(ctx, layers); err != nil {
		return fmt.Errorf("unpack image %s: %w", cr.options.Image, err)
	}
	conf.Compat, err = rootfs.Machines(conf.Layers)
	return err
}

// applyImage adds what the image says to what the caller said.
func applyImage(o *CreateOptions, img *image.Image) error {
	conf := &o.Config
	conf.Image, conf.ImageID = o.Image.String(), img.ID.String()
	conf.Platform, conf.Architecture = img.Config.OS, img.Config.Architecture
	from := img.Config.Config
	conf.Env = oci.InheritEnv(conf.Env, from.Env)
	if conf.User == "" {
		conf.User = from.User
	}
	if conf.WorkingDir == "" {
		conf.WorkingDir = from.WorkingDir
	}
	if conf.StopSignal == "" {
		conf.StopSignal = from.StopSignal
	}
	if conf.Labels == nil {
		conf.Labels = map[string]string{}
	}
	for k, v := range from.Labels {
		if _, set := conf.Labels[k]; !set {
			conf.Labels[k] = v
		}
	}
	for port := range from.ExposedPorts {
		conf.Exposed = append(conf.Exposed, port)
	}
	imageVolumes(conf, from)
	// An entrypoint of the caller's makes the image's command senseless.
	switch {
	case o.Entrypoint != nil && *o.Entrypoint != "":
		conf.Entrypoint = []string{*o.Entrypoint}
	case o.Entrypoint == nil:
		conf.Entrypoint = from.Entrypoint
		if len(o.Command) == 0 {
			conf.Cmd = from.Cmd
		}
	}
	if len(o.Command) > 0 {
		conf.Cmd = o.Command
	}
	if len(conf.Args()) == 0 {
		return fmt.Errorf("no command specified: image %s has none; give one behind its name", o.Image)
	}
	return nil
}

// imageVolumes gives each volume of the image an anonymous one, unless
// something is mounted there.
func imageVolumes(conf *container.Config, from v1.Config) {
	taken := map[string]bool{}
	for _, m := range conf.Mounts {
		taken[m.Destination] = true
	}
	for path := range from.Volumes {
		if dst := filepath.Clean("/" + path); !taken[dst] && dst != "/" {
			conf.Mounts = append(conf.Mounts, container.Mount{Type: "volume", Destination: dst, Anonymous: true})
		}
	}
}

// volumesFrom adds what other containers have mounted of volumes and of the host,
// but where the caller mounts something else. It comes before the image's volumes,
// whose places it takes.
func (cr *creation) volumesFrom() error {
	conf := &cr.options.Config
	conf.Mounts = slices.Clone(conf.Mounts)
	for _, from := range conf.VolumesFrom {
		name, mode, _ := strings.Cut(from, ":")
		other, err := (&Containers{cr.store}).Get(context.Background(), name)
		if err != nil {
			return fmt.Errorf("volumes-from %s: %w", from, err)
		}
		for _, m := range other.Config.Mounts {
			taken := slices.ContainsFunc(conf.Mounts, func(have container.Mount) bool { return have.Destination == m.Destination })
			if taken || m.Type == "tmpfs" {
				continue
			}
			m.Anonymous, m.NoCopy = false, true // it is the other's to fill and to remove
			m.From = name
			m.ReadOnly = m.ReadOnly || mode == "ro"
			conf.Mounts = append(conf.Mounts, m)
		}
	}
	return nil
}

// volumes makes the volumes that are not there yet; those that are made go again
// if the container is abandoned.
func (cr *creation) volumes() error {
	if err := cr.nameVolumes(); err != nil {
		return err
	}
	vols, conf := rootfs.OpenVolumes(cr.store.Root), &cr.options.Config
	for i := range conf.Mounts {
		m := &conf.Mounts[i]
		if m.Type != "volume" {
			continue
		}
		vol, created, release, err := vols.Take(rootfs.Volume{Name: m.Name, Anonymous: m.Anonymous})
		if err != nil {
			return err
		}
		cr.held = append(cr.held, release)
		if created {
			cr.undo = append(cr.undo, func() {
				cr.store.Volumes().Remove([]string{vol.Name}, conf.ID, func(string, error) {}) // unless others use it by now
			})
		}
		m.Name = vol.Name
		entries, err := os.ReadDir(vol.Path)
		if err != nil {
			return err
		}
		m.CopyUp = len(entries) == 0 && !m.NoCopy
	}
	return nil
}

// nameVolumes gives the anonymous volumes their names, and has them on disk
// before the volumes: who is killed in between leaves none that nobody knows.
func (cr *creation) nameVolumes() error {
	named := false
	conf := &cr.options.Config
	for i := range conf.Mounts {
		if m := &conf.Mounts[i]; m.Type == "volume" && m.Name == "" {
			m.Name, m.Anonymous, named = container.NewID(), true, true
		}
	}
	if !named {
		return nil
	}
	return cr.handle.WritePending(conf)
}
