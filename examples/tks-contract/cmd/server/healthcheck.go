package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"time"

	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/seungkyu/tks-contract/internal/config"
)

// healthcheck asks a running server how it is and returns nil only when the
// answer is SERVING. The image holds no other program that could ask, so the
// server itself can be called where a container needs such a command.
func healthcheck(ctx context.Context, args []string, stdout io.Writer) error {
	var (
		address, service string
		timeout          time.Duration
		security         config.ClientTLS
	)
	flags := flag.NewFlagSet("server healthcheck", flag.ContinueOnError)
	flags.StringVar(&address, "addr", net.JoinHostPort("localhost", config.DefaultPort), "server to ask, `HOST:PORT`")
	flags.StringVar(&service, "service", "", "`name` to ask for: liveness or readiness; empty means readiness")
	config.PositiveDurationVar(flags, &timeout, "timeout", 3*time.Second, "`duration` that the answer may take")
	security.AddFlags(flags)
	if err := config.Parse(flags, args, stdout); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}

		return err
	}
	if err := config.CheckAddress(address); err != nil {
		return err
	}
	transport, err := security.Credentials()
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(transport))
	if err != nil {
		return fmt.Errorf("cannot use -addr %s: %w", address, err)
	}
	defer func() { _ = conn.Close() }()

	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	response, err := healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{Service: service})
	if err != nil {
		failure := status.Convert(err)

		return fmt.Errorf("healthcheck of %s failed: %s: %s", address, failure.Code(), failure.Message())
	}
	if got := response.GetStatus(); got != healthv1.HealthCheckResponse_SERVING {
		return fmt.Errorf("healthcheck of %s: service %q is %s", address, service, got)
	}

	return nil
}
