// Command bare is the peer of the generated service in benchmarks: the same API on the same
// grpc-go without interceptors, metrics, logs, limits, health, TLS or a graceful stop. It is built
// in a render's folder. Without -dbhost a call stores nothing, with it a call is one plain INSERT.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc"

	hellov1 "github.com/acme/payments-api/api/hello/v1"
)

type service struct {
	hellov1.UnimplementedHelloServiceServer

	pool  *pgxpool.Pool
	calls atomic.Int64
}

func (s *service) SayHello(ctx context.Context, request *hellov1.SayHelloRequest) (*hellov1.SayHelloResponse, error) {
	if s.pool != nil {
		// The table has both as its key, so each call needs its own greeting.
		const statement = "INSERT INTO greetings (greeting, name) VALUES ($1, $2)"
		greeting := strconv.FormatInt(s.calls.Add(1), 10)
		if _, err := s.pool.Exec(ctx, statement, greeting, request.GetName()); err != nil {
			return nil, err
		}
	}

	return &hellov1.SayHelloResponse{Message: "Hello, " + request.GetName(), Count: 1}, nil
}

// connect opens a pool of the same size as the generated service's: the default one.
func connect(ctx context.Context, host, port, user, name, passwordFile string) (*pgxpool.Pool, error) {
	password, err := os.ReadFile(passwordFile)
	if err != nil {
		return nil, err
	}
	settings, err := pgxpool.ParseConfig(fmt.Sprintf("host=%s port=%s user=%s dbname=%s", host, port, user, name))
	if err != nil {
		return nil, err
	}
	settings.ConnConfig.Password = strings.TrimSuffix(string(password), "\n")
	pool, err := pgxpool.NewWithConfig(ctx, settings)
	if err != nil {
		return nil, err
	}

	return pool, pool.Ping(ctx)
}

func main() {
	ctx := context.Background()
	port := flag.String("port", "0", "port of the API")
	host := flag.String("dbhost", "", "host of PostgreSQL; without it calls do nothing")
	dbport := flag.String("dbport", "5432", "port of PostgreSQL")
	user := flag.String("dbuser", "", "role to log in as")
	name := flag.String("dbname", "", "database to use")
	passwordFile := flag.String("dbpassword-file", "", "file that holds the password")
	// The generated service is started with these as well.
	flag.String("metrics-port", "", "ignored")
	flag.String("shutdown-delay", "", "ignored")
	flag.Parse()

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("", *port))
	if err != nil {
		log.Fatal(err)
	}
	api := &service{}
	if *host != "" {
		api.pool, err = connect(ctx, *host, *dbport, *user, *name, *passwordFile)
		if err != nil {
			log.Fatal(err)
		}
	}
	server := grpc.NewServer()
	hellov1.RegisterHelloServiceServer(server, api)
	// The generated service logs the same line, so that the benchmark waits for both alike.
	fmt.Fprintf(os.Stderr, "{\"msg\":\"listening\",\"address\":%q}\n", listener.Addr())
	if err := server.Serve(listener); err != nil {
		log.Fatal(err)
	}
}
