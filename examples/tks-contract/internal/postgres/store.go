// Package postgres keeps greetings in PostgreSQL.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seungkyu/tks-contract/internal/hello"
)

// Store implements hello.Store. It expects the table greetings, whose definition
// is among the SQL files of the Helm chart, and never creates or changes it.
type Store struct {
	pool *pgxpool.Pool
}

// Ping returns an error when the database does not answer.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("cannot reach the database: %w", reason(ctx, err))
	}
	return nil
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
		return 0, fmt.Errorf("count a greeting: %w", unavailable(err))
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
		return nil, fmt.Errorf("read the latest greetings: %w", unavailable(err))
	}
	return greetings, nil
}

// unavailable adds hello.ErrUnavailable to errors of statements that have not
// reached the database, or that it undid because it stops or starts (57P01 to
// 57P03). Those that may have done their work stay as they are.
func unavailable(err error) error {
	_, unconnected := errors.AsType[*pgconn.ConnectError](err)
	refused, ok := errors.AsType[*pgconn.PgError](err)
	if unconnected || pgconn.SafeToRetry(err) || ok && strings.HasPrefix(refused.Code, "57P0") {
		return fmt.Errorf("%w: %w", hello.ErrUnavailable, err)
	}
	return err
}
