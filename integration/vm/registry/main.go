// Command registry serves one image of random content on loopback, for the
// machines of the tests: nothing outside can be reached from there.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// The image: so large that bringing it takes a moment.
const (
	address   = "127.0.0.1:5000"
	image     = address + "/lab/big:1"
	layerSize = 4 << 20 // bytes
	layers    = 4
)

func main() {
	fmt.Fprintln(os.Stderr, "registry:", run())
	os.Exit(1)
}

func run() error {
	port, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() {
		served <- http.Serve(port, registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	}()
	ref, err := name.ParseReference(image)
	if err != nil {
		return err
	}
	img, err := random.Image(layerSize, layers)
	if err != nil {
		return err
	}
	if err := remote.Write(ref, img); err != nil {
		return fmt.Errorf("put the image in: %w", err)
	}
	return <-served
}
