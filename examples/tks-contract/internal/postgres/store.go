// Package postgres keeps greetings in PostgreSQL.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seungkyu/tks-contract/internal/config"
	"github.com/seungkyu/tks-contract/internal/hello"
)

// openTimeout bounds the first contact. A server that cannot have its database
// should say so soon, so that whoever started it can act or try again.
const openTimeout = 10 * time.Second

// Store implements hello.Store. It expects the table greetings, whose definition
// is among the SQL files of the Helm chart, and never creates or changes it.
type Store struct {
	pool *pgxpool.Pool
}

// Open connects to the database and returns once the database has answered.
// What the flags do not cover can be set by the usual environment variables,
// such as PGSSLMODE.
func Open(ctx context.Context, database config.Database) (*Store, error) {
	password, err := database.Password()
	if err != nil {
		return nil, err
	}
	settings, err := pgxpool.ParseConfig(connString(database))
	if err != nil {
		return nil, fmt.Errorf("cannot use the database settings: %w", err)
	}
	// Set here so that no connection string, and no error about one, has it.
	if password != "" {
		settings.ConnConfig.Password = password
	}

	ctx, cancel := context.WithTimeoutCause(ctx, openTimeout, fmt.Errorf("no answer within %s", openTimeout))
	defer cancel()

	pool, err := pgxpool.NewWithConfig(ctx, settings)
	if err != nil {
		return nil, fmt.Errorf("cannot set up the database connections: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()

		return nil, fmt.Errorf("cannot reach the database: %s port %s: %w",
			database.Host, database.Port, reason(ctx, err))
	}

	return &Store{pool: pool}, nil
}

// Close waits for running statements and closes all connections.
func (s *Store) Close() {
	s.pool.Close()
}

// Add counts one more use of greeting for name and returns the new count.
func (s *Store) Add(ctx context.Context, greeting, name string) (int64, error) {
	// One statement, so that concurrent calls wait for each other in the
	// database and none of them is lost.
	const statement = `
		INSERT INTO greetings (greeting, name)
		VALUES ($1, $2)
		ON CONFLICT (greeting, name)
		DO UPDATE SET count = greetings.count + 1, updated_at = now()
		RETURNING count`

	var count int64
	if err := s.pool.QueryRow(ctx, statement, greeting, name).Scan(&count); err != nil {
		return 0, fmt.Errorf("count a greeting: %w", err)
	}

	return count, nil
}

// Latest returns at most limit greetings, the last used one first.
func (s *Store) Latest(ctx context.Context, limit int) ([]hello.Greeting, error) {
	// The keys decide between greetings of the same time, so that the order does
	// not change from call to call.
	const query = `
		SELECT greeting, name, count, updated_at
		FROM greetings
		ORDER BY updated_at DESC, greeting, name
		LIMIT $1`

	// CollectRows reports the error of Query too.
	rows, _ := s.pool.Query(ctx, query, limit)
	greetings, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (hello.Greeting, error) {
		var greeting hello.Greeting
		err := row.Scan(&greeting.Greeting, &greeting.Name, &greeting.Count, &greeting.UpdatedAt)

		return greeting, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the latest greetings: %w", err)
	}

	return greetings, nil
}

// connString returns the settings of database without the password.
func connString(database config.Database) string {
	escape := strings.NewReplacer(`\`, `\\`, `'`, `\'`)

	return fmt.Sprintf("host='%s' port='%s' user='%s' dbname='%s'", escape.Replace(database.Host),
		escape.Replace(database.Port), escape.Replace(database.User), escape.Replace(database.Name))
}

// reason picks what a person can act on. The whole error has one line for each
// address and each TLS mode that was tried, and most of them say the same.
func reason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return refused
	}
	if unknown, ok := errors.AsType[*net.DNSError](err); ok {
		return unknown
	}
	if unreachable, ok := errors.AsType[*net.OpError](err); ok {
		return unreachable
	}

	return err
}
