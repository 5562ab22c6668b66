package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seungkyu/tks-contract/internal/config"
)

// attemptTimeout bounds one attempt to reach the database, at the start and for
// each connection after that.
const attemptTimeout = 5 * time.Second

// Open connects to the database and returns once the database has answered. As
// long as the database is away it tries again, for as long as database.Wait says.
// What the flags do not cover can be set by the usual environment variables,
// such as PGSSLCERT. Passwords come from the password file only.
func Open(ctx context.Context, database config.Database, logger *slog.Logger) (*Store, error) {
	// A file that cannot be read is reported before a database that is away.
	if _, err := database.Password(); err != nil {
		return nil, err
	}
	settings, err := poolSettings(database)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, settings)
	if err != nil {
		return nil, fmt.Errorf("cannot set up the database connections: %w", err)
	}
	if err := await(ctx, pool, database, logger); err != nil {
		pool.Close()
		return nil, err
	}
	return &Store{pool: pool}, nil
}

// poolSettings returns settings that read the password anew for each connection,
// so that a change of the password needs no restart.
func poolSettings(database config.Database) (*pgxpool.Config, error) {
	settings, err := pgxpool.ParseConfig(connString(database))
	if err != nil {
		return nil, fmt.Errorf("cannot use the database settings: %w", err)
	}
	settings.ConnConfig.ConnectTimeout = attemptTimeout
	if !database.Prepare {
		// A statement without a name, which no other connection has to know.
		settings.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	// ParseConfig has put the one of PGPASSWORD here.
	settings.ConnConfig.Password = ""
	settings.BeforeConnect = func(_ context.Context, connection *pgx.ConnConfig) error {
		password, err := database.Password()
		connection.Password = password
		return err
	}
	return settings, nil
}

// await returns once the database has answered, or has said what waiting will
// not change, or has been away for too long.
func await(ctx context.Context, pool *pgxpool.Pool, database config.Database, logger *slog.Logger) error {
	end := time.Now().Add(database.Wait)
	attempt := func() (struct{}, error) {
		timeout := attemptTimeout
		if database.Wait > 0 {
			timeout = min(timeout, time.Until(end))
		}
		late := fmt.Errorf("no answer within %s", timeout.Round(time.Millisecond))
		bounded, cancel := context.WithTimeoutCause(ctx, timeout, late)
		defer cancel()

		err := pool.Ping(bounded)
		if err == nil {
			return struct{}{}, nil
		}
		err = fmt.Errorf("cannot reach the database: %s port %s: %w", database.Host, database.Port, reason(bounded, err))
		if permanent(err) {
			return struct{}{}, backoff.Permanent(err)
		}
		return struct{}{}, err
	}

	tries := uint(0) // any number
	if database.Wait == 0 {
		tries = 1
	}
	// The pauses differ at random, so that servers that lost their database
	// together do not come back all at once.
	pauses := &backoff.ExponentialBackOff{
		InitialInterval: 250 * time.Millisecond, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: 5 * time.Second,
	}
	_, err := backoff.Retry(ctx, attempt,
		backoff.WithBackOff(pauses), backoff.WithMaxTries(tries), backoff.WithMaxElapsedTime(database.Wait),
		backoff.WithNotify(func(err error, pause time.Duration) {
			logger.WarnContext(ctx, "the database is not there yet",
				"error", err, "next_attempt_in", pause.Round(time.Millisecond).String())
		}))
	return err
}

// permanent reports whether another attempt would end the same way: the password
// is wrong or the role may not log in (class 28), or there is no such database.
func permanent(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains([]string{"28P01", "28000", "3D000"}, refused.Code)
}

// connString returns the settings of database without the password.
func connString(database config.Database) string {
	escape := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	return fmt.Sprintf("host='%s' port='%s' user='%s' dbname='%s' sslmode='%s' sslrootcert='%s'",
		escape.Replace(database.Host), escape.Replace(database.Port), escape.Replace(database.User),
		escape.Replace(database.Name), escape.Replace(database.SSLMode), escape.Replace(database.SSLRootCert))
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
