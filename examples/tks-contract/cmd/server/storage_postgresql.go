package main

import (
	"context"
	"flag"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seungkyu/tks-contract/internal/config"
	"github.com/seungkyu/tks-contract/internal/hello"
	"github.com/seungkyu/tks-contract/internal/postgres"
)

// storage is where the server keeps its greetings: in PostgreSQL.
type storage struct {
	database config.Database
}

func (s *storage) addFlags(flags *flag.FlagSet) {
	s.database.AddFlags(flags)
}

func (s *storage) validate() error {
	return s.database.Validate()
}

// open returns the store and a function that closes it. Without a database host
// the store is in memory, so that the server runs on a laptop without any setup.
func (s *storage) open(
	ctx context.Context, registry prometheus.Registerer, logger *slog.Logger,
) (store, func(), error) {
	if s.database.Host == "" {
		logger.WarnContext(ctx, "no -dbhost: greetings are kept in memory and are lost when the server stops")

		return hello.NewMemory(), func() {}, nil
	}

	greetings, err := postgres.Open(ctx, s.database, logger)
	if err != nil {
		return nil, nil, err
	}
	registry.MustRegister(greetings.Collector())
	logger.InfoContext(ctx, "greetings are kept in PostgreSQL",
		"host", s.database.Host, "port", s.database.Port, "database", s.database.Name)

	return greetings, greetings.Close, nil
}
