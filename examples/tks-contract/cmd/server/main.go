// Command server serves the API over gRPC.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"google.golang.org/grpc"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
	"github.com/seungkyu/tks-contract/internal/config"
	"github.com/seungkyu/tks-contract/internal/hello"
	"github.com/seungkyu/tks-contract/internal/server"
	"github.com/seungkyu/tks-contract/internal/telemetry"
)

// serviceName is what traces call the service unless OTEL_SERVICE_NAME does.
const serviceName = "tks-contract"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// The first signal asks for an orderly stop. From then on signals have their
	// usual effect, so that a second one ends the program at once.
	context.AfterFunc(ctx, stop)

	err := run(ctx, os.Args, os.Environ(), os.Stdout, os.Stderr)
	os.Exit(config.ExitCode("server", err, os.Stderr))
}

// run is the program without what cannot be tested: signals and the exit.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	if len(args) > 1 && args[1] == "healthcheck" {
		return healthcheck(ctx, args[2:], stdout)
	}

	var settings config.Config
	var data storage
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	settings.AddFlags(flags)
	data.AddFlags(flags)
	if err := config.Parse(flags, args[1:], stdout); err != nil {
		return err
	}
	if settings.Version {
		return printVersion(args[0], stdout)
	}
	unknown, err := config.Environment(flags, environ)
	if err != nil {
		return err
	}
	if err := cmp.Or(settings.Validate(), data.Validate()); err != nil {
		return err
	}

	logger := telemetry.NewLogger(stderr, settings.LogLevel)
	if len(unknown) > 0 {
		logger.WarnContext(ctx, "environment variables without a meaning", "names", unknown)
	}
	return serve(ctx, settings, &data, logger)
}

// serve puts the parts together and returns when ctx is done.
func serve(ctx context.Context, settings config.Config, data *storage, logger *slog.Logger) error {
	// Ports and files come before the storage, because that is the quicker way to
	// find out that they cannot be used.
	listener, err := listen(ctx, "port", settings.Port)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	transport, err := server.Credentials(settings.TLS, logger)
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
	stored, closeStore, err := data.open(ctx, registry, logger)
	if err != nil {
		if ctx.Err() != nil {
			// Somebody asked for the stop, so the store is no failure any more.
			return nil
		}
		return err
	}
	defer closeStore()

	tracing, flush, err := telemetry.StartTracing(ctx, serviceName, build.version, logger)
	if err != nil {
		return err
	}
	defer flush()

	api := server.New(stored, settings.Server, registry, logger, append(tracing, grpc.Creds(transport))...)
	hellov1.RegisterHelloServiceServer(api, hello.NewService(stored, logger))
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
