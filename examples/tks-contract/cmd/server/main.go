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
	"strings"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/seungkyu/tks-contract/internal/config"
	"github.com/seungkyu/tks-contract/internal/hello"
	"github.com/seungkyu/tks-contract/internal/server"
	"github.com/seungkyu/tks-contract/internal/telemetry"
)

// serviceName is what traces call the service unless OTEL_SERVICE_NAME does.
const serviceName = "tks-contract"

// store is what the server needs of its storage.
type store interface {
	hello.Store
	server.Pinger
}

// backend is what run needs of the type storage, which has a file of its own.
type backend interface {
	// addFlags declares the flags of the storage.
	addFlags(flags *flag.FlagSet)
	// validate reports flags that do not go together.
	validate() error
	// open returns the store, whose metrics go to registry, and a function that
	// closes it.
	open(ctx context.Context, registry prometheus.Registerer, logger *slog.Logger) (store, func(), error)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// The first signal asks for an orderly stop. From then on signals have their
	// usual effect, so that a second one ends the program at once.
	context.AfterFunc(ctx, stop)

	os.Exit(exitCode(run(ctx, os.Args, os.Environ(), os.Stdout, os.Stderr), os.Stderr))
}

// run is the program without what cannot be tested: signals and the exit.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	if len(args) > 1 && args[1] == "healthcheck" {
		return healthcheck(ctx, args[2:], stdout)
	}

	var settings config.Config
	var greetings backend = &storage{}
	flags := newFlags(&settings, greetings)
	if err := config.Parse(flags, args[1:], stdout); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}

		return err
	}
	if settings.Version {
		return printVersion(args[0], stdout)
	}
	unknown, err := config.Environment(flags, environ)
	if err != nil {
		return err
	}
	for _, err := range []error{settings.Validate(), greetings.validate()} {
		if err != nil {
			return &config.UsageError{Err: err}
		}
	}

	logger := telemetry.NewLogger(stderr, settings.LogLevel)
	if len(unknown) > 0 {
		logger.WarnContext(ctx, "environment variables without a meaning", "names", unknown)
	}

	return serve(ctx, settings, greetings, logger)
}

// newFlags returns the flags that fill settings and those of the storage.
func newFlags(settings *config.Config, greetings backend) *flag.FlagSet {
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	settings.AddFlags(flags)
	greetings.addFlags(flags)

	return flags
}

// serve puts the parts together and returns when ctx is done.
func serve(ctx context.Context, settings config.Config, greetings backend, logger *slog.Logger) error {
	// Ports and files come before the storage, because that is the quicker way to
	// find out that they cannot be used.
	listener, err := listen(ctx, "port", settings.Port)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	options, err := transport(settings.TLS, logger)
	if err != nil {
		return err
	}
	var metricsListener net.Listener
	if settings.MetricsPort != config.Off {
		metricsListener, err = listen(ctx, "metrics-port", settings.MetricsPort)
		if err != nil {
			return err
		}
		defer func() { _ = metricsListener.Close() }()
	}

	build := thisBuild()
	registry := telemetry.NewRegistry(build.version, build.commit)
	data, closeStore, err := greetings.open(ctx, registry, logger)
	if err != nil {
		if ctx.Err() != nil {
			// Somebody asked for the stop, so the store is no failure any more.
			return nil
		}

		return err
	}
	defer closeStore()

	handler, flush, err := telemetry.StartTracing(ctx, serviceName, build.version, logger)
	if err != nil {
		return err
	}
	defer flush()
	if handler != nil {
		options = append(options, grpc.StatsHandler(handler))
	}

	api := server.New(hello.NewService(data, logger), data, settings.Server, registry, logger, options...)
	if metricsListener != nil {
		defer telemetry.ServeMetrics(ctx, metricsListener, registry, settings.Pprof, logger)()
	}

	return api.Serve(ctx, listener)
}

func listen(ctx context.Context, name, port string) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("", port))
	if err != nil {
		return nil, fmt.Errorf("cannot use -%s %s: %w", name, port, err)
	}

	return listener, nil
}

// transport returns the options for TLS, or none for plain text.
func transport(files config.ServerTLS, logger *slog.Logger) ([]grpc.ServerOption, error) {
	if files.Cert == "" {
		return nil, nil
	}
	certificates, err := server.TLS(files, logger)
	if err != nil {
		return nil, err
	}

	return []grpc.ServerOption{grpc.Creds(credentials.NewTLS(certificates))}, nil
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
