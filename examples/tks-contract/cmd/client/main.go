// Command client calls the hello API of a server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"
	"time"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
	"github.com/seungkyu/tks-contract/internal/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// From the first signal on, a second one ends the program at once.
	context.AfterFunc(ctx, stop)

	os.Exit(config.ExitCode("client", run(ctx, os.Args, os.Stdout), os.Stderr))
}

// run is the program without what cannot be tested: signals and the exit.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	var (
		target config.Client
		many   load
		list   bool
	)
	flags := flag.NewFlagSet("client", flag.ContinueOnError)
	target.AddFlags(flags, 5*time.Second)
	greeting := flags.String("greeting", "", "`words` of the greeting; the server chooses them if there are none")
	name := flags.String("name", "", "`name` of the person to greet")
	config.Var(flags, &list, "list", false, config.Switch, "list the stored greetings instead of greeting somebody")
	many.addFlags(flags)
	if err := config.Parse(flags, args[1:], stdout); err != nil {
		return err
	}
	if list && many.calls > 1 {
		return &config.UsageError{Err: errors.New("flag -calls goes with greetings: want no -list beside it")}
	}
	request := &hellov1.SayHelloRequest{Greeting: *greeting, Name: *name}
	if many.calls > 1 {
		return many.run(ctx, target, request, stdout)
	}

	conn, err := target.Connect()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	api := hellov1.NewHelloServiceClient(conn)
	ctx, cancel := context.WithTimeout(ctx, target.Timeout)
	defer cancel()
	if list {
		return printGreetings(ctx, api, &target, stdout)
	}
	// The rules for the texts are the server's, so it is the one that checks them.
	response, err := api.SayHello(ctx, request)
	if err != nil {
		return target.Failed("call to", err)
	}
	_, err = fmt.Fprintf(stdout, "%s\ncount: %d\n", response.GetMessage(), response.GetCount())
	return err
}

func printGreetings(
	ctx context.Context, api hellov1.HelloServiceClient, target *config.Client, stdout io.Writer,
) error {
	response, err := api.ListGreetings(ctx, &hellov1.ListGreetingsRequest{})
	if err != nil {
		return target.Failed("call to", err)
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
