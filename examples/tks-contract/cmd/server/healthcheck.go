package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/seungkyu/tks-contract/internal/config"
)

// healthcheck returns nil only when a running server answers that it is SERVING.
// The image holds no other program that a container could ask it with.
func healthcheck(ctx context.Context, args []string, stdout io.Writer) error {
	var target config.Client
	flags := flag.NewFlagSet("server healthcheck", flag.ContinueOnError)
	target.AddFlags(flags, 3*time.Second)
	service := flags.String("service", "", "`name` to ask for: liveness or readiness; empty means readiness")
	if err := config.Parse(flags, args, stdout); err != nil {
		return err
	}
	conn, err := target.Connect()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()

	ctx, cancel := context.WithTimeout(ctx, target.Timeout)
	defer cancel()
	response, err := healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{Service: *service})
	if err != nil {
		return target.Failed("healthcheck of", err)
	}
	if got := response.GetStatus(); got != healthv1.HealthCheckResponse_SERVING {
		return fmt.Errorf("healthcheck of %s: service %q is %s", target.Address, *service, got)
	}
	return nil
}
