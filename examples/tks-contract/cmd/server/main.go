// Command server serves the hello API over gRPC.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/seungkyu/tks-contract/internal/config"
	"github.com/seungkyu/tks-contract/internal/hello"
	"github.com/seungkyu/tks-contract/internal/server"
)

// version is a variable because the linker sets it: -ldflags "-X main.version=v1.2.3".
var version string

// backend is what run needs of the type storage, which has a file of its own.
type backend interface {
	// addFlags declares the flags of the storage.
	addFlags(flags *flag.FlagSet)
	// validate reports flags that do not go together.
	validate() error
	// open returns the store and a function that closes it.
	open(ctx context.Context, logger *slog.Logger) (hello.Store, func(), error)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// The first signal asks for an orderly stop. From then on signals have their
	// usual effect, so that a second one ends the program at once.
	context.AfterFunc(ctx, stop)

	os.Exit(exitCode(run(ctx, os.Args, os.Stdout, os.Stderr), os.Stderr))
}

// run is the program without what cannot be tested: signals and the exit.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var settings config.Config
	var greetings backend = &storage{}
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	settings.AddFlags(flags)
	greetings.addFlags(flags)
	if err := config.Parse(flags, args[1:], stdout); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}

		return err
	}
	if settings.Version {
		_, err := fmt.Fprintln(stdout, filepath.Base(args[0]), buildVersion(), runtime.Version())

		return err
	}
	if err := greetings.validate(); err != nil {
		return &config.UsageError{Err: err}
	}

	// Before the storage, because it is the quicker way to find out that a server
	// is running already.
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("", settings.Port))
	if err != nil {
		return fmt.Errorf("cannot use -port %s: %w", settings.Port, err)
	}

	logger := slog.New(slog.NewJSONHandler(stderr, nil))
	store, closeStore, err := greetings.open(ctx, logger)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer closeStore()

	options := server.Options{Reflection: settings.Reflection, ShutdownTimeout: settings.ShutdownTimeout}

	return server.New(hello.NewService(store, logger), options, logger).Serve(ctx, listener)
}

// buildVersion returns what the linker was told, or else what Go found out about
// the module, or else "dev".
func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "dev"
	}

	return info.Main.Version
}

// exitCode reports err to stderr and returns the code that tells scripts apart
// a wrong call (2) and a failure (1).
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	// Some errors have several lines. One line is easier to find among the logs.
	fmt.Fprintln(stderr, "server:", strings.Join(strings.Fields(err.Error()), " "))
	if _, ok := errors.AsType[*config.UsageError](err); ok {
		return 2
	}

	return 1
}
