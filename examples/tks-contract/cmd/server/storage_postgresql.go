package main

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seungkyu/tks-contract/internal/config"
	"github.com/seungkyu/tks-contract/internal/hello"
	"github.com/seungkyu/tks-contract/internal/postgres"
)

// storage is where the server keeps its data: in PostgreSQL, with the flags for it.
type storage struct {
	config.Database
}

// open returns the store and a function that closes it. Without a database host
// the store is in memory, so that the server runs on a laptop without any setup.
func (s *storage) open(
	ctx context.Context, registry prometheus.Registerer, logger *slog.Logger,
) (hello.Store, func(), error) {
	if s.Host == "" {
		logger.WarnContext(ctx, "no -dbhost: greetings are kept in memory and are lost when the server stops")
		return hello.NewMemory(), func() {}, nil
	}

	data, err := postgres.Open(ctx, s.Database, logger)
	if err != nil {
		return nil, nil, err
	}
	registry.MustRegister(data.Metrics()...)
	logger.InfoContext(ctx, "greetings are kept in PostgreSQL",
		"host", s.Host, "port", s.Port, "database", s.Name)
	return data, data.Close, nil
}
