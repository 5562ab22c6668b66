// Command client calls the hello API of a server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
	"github.com/seungkyu/tks-contract/internal/config"
)

const defaultTimeout = 5 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// From the first signal on, a second one ends the program at once.
	context.AfterFunc(ctx, stop)

	os.Exit(exitCode(run(ctx, os.Args, os.Stdout), os.Stderr))
}

// run is the program without what cannot be tested: signals and the exit.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	var (
		address, greeting, name string
		list                    bool
		many                    load
		security                config.ClientTLS
	)
	flags := flag.NewFlagSet("client", flag.ContinueOnError)
	flags.StringVar(&address, "addr", net.JoinHostPort("localhost", config.DefaultPort), "server to call, `HOST:PORT`")
	flags.StringVar(&greeting, "greeting", "", "`words` of the greeting; the server chooses them if there are none")
	flags.StringVar(&name, "name", "", "`name` of the person to greet")
	config.BoolVar(flags, &list, "list", false, "list the stored greetings instead of greeting somebody")
	config.PositiveDurationVar(flags, &many.timeout, "timeout", defaultTimeout, "`duration` that a call may take")
	many.addFlags(flags)
	security.AddFlags(flags)
	if err := config.Parse(flags, args[1:], stdout); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}

		return err
	}
	if err := config.CheckAddress(address); err != nil {
		return err
	}
	if list && many.calls > 1 {
		return &config.UsageError{Err: errors.New("flag -calls goes with greetings: want no -list beside it")}
	}

	transport, err := security.Credentials()
	if err != nil {
		return err
	}
	request := &hellov1.SayHelloRequest{Greeting: greeting, Name: name}
	if many.calls > 1 {
		return many.run(ctx, func() (*grpc.ClientConn, error) { return connect(address, transport) }, request, stdout)
	}
	conn, err := connect(address, transport)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(ctx, many.timeout)
	defer cancel()

	if list {
		return listGreetings(ctx, conn, stdout)
	}

	return sayHello(ctx, conn, request, stdout)
}

// connect returns a connection to address, which begins with its first call.
func connect(address string, transport credentials.TransportCredentials) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(transport))
	if err != nil {
		return nil, fmt.Errorf("cannot use -addr %s: %w", address, err)
	}

	return conn, nil
}

func sayHello(ctx context.Context, conn *grpc.ClientConn, request *hellov1.SayHelloRequest, stdout io.Writer) error {
	// The rules for the texts are the server's, so it is the one that checks them.
	response, err := hellov1.NewHelloServiceClient(conn).SayHello(ctx, request)
	if err != nil {
		return callError(conn, err)
	}
	_, err = fmt.Fprintf(stdout, "%s\ncount: %d\n", response.GetMessage(), response.GetCount())

	return err
}

func listGreetings(ctx context.Context, conn *grpc.ClientConn, stdout io.Writer) error {
	response, err := hellov1.NewHelloServiceClient(conn).ListGreetings(ctx, &hellov1.ListGreetingsRequest{})
	if err != nil {
		return callError(conn, err)
	}

	// The writer keeps the first error and Flush returns it.
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "GREETING\tNAME\tCOUNT\tUPDATED")
	for _, greeting := range response.GetGreetings() {
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", greeting.GetGreeting(), greeting.GetName(), greeting.GetCount(),
			greeting.GetUpdatedAt().AsTime().Format(time.RFC3339))
	}

	return table.Flush()
}

// callError says which server did not do its work, and why, without the words
// that gRPC puts around that.
func callError(conn *grpc.ClientConn, err error) error {
	failure := status.Convert(err)

	return fmt.Errorf("call to %s failed: %s: %s", conn.Target(), failure.Code(), failure.Message())
}

// exitCode reports err to stderr and returns the code that tells scripts apart
// a wrong call (2) and a failure (1).
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	// Some errors have several lines, and scripts read one.
	fmt.Fprintln(stderr, "client:", strings.Join(strings.Fields(err.Error()), " "))
	if _, ok := errors.AsType[*config.UsageError](err); ok {
		return 2
	}

	return 1
}
