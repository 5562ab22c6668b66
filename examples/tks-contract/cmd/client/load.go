package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
	"github.com/seungkyu/tks-contract/internal/config"
)

// people is how many different names a load greets: enough that calls seldom
// meet in one row, and few enough that the table stays small.
const people = 1000

// load is many calls instead of one, to see how much a server bears.
type load struct {
	// calls is how many calls are made in all, concurrency how many at a time.
	calls, concurrency int
	// connections is how many connections share them.
	connections int
}

func (l *load) addFlags(flags *flag.FlagSet) {
	config.Var(flags, &l.calls, "calls", 1, config.Number(1, 10_000_000),
		"`number` of calls; above 1, -name gets a number and the calls are measured")
	config.Var(flags, &l.concurrency, "concurrency", 10, config.Number(1, 10_000), "`number` of these calls at a time")
	config.Var(flags, &l.connections, "connections", 1, config.Number(1, 10_000), "`number` of connections that share them")
}

// outcome is what became of calls.
type outcome struct {
	durations []time.Duration
	codes     map[codes.Code]int
}

// run makes the calls and reports how they went. The end of ctx ends it early.
// Calls that fail are counted and make an error.
func (l *load) run(
	ctx context.Context, target config.Client, request *hellov1.SayHelloRequest, stdout io.Writer,
) error {
	clients := make([]hellov1.HelloServiceClient, min(l.connections, l.concurrency))
	for i := range clients {
		conn, err := target.Connect()
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		clients[i] = hellov1.NewHelloServiceClient(conn)
	}

	outcomes := make([]outcome, l.concurrency)
	var begun atomic.Int64
	var workers sync.WaitGroup
	start := time.Now()
	for i := range outcomes {
		workers.Go(func() { outcomes[i] = l.work(ctx, clients[i%len(clients)], target.Timeout, request, &begun) })
	}
	workers.Wait()
	return report(stdout, time.Since(start), outcomes)
}

// work makes one call after the other until all workers together have begun
// enough of them.
func (l *load) work(
	ctx context.Context, client hellov1.HelloServiceClient, timeout time.Duration,
	request *hellov1.SayHelloRequest, begun *atomic.Int64,
) outcome {
	result := outcome{codes: map[codes.Code]int{}}
	for number := begun.Add(1); number <= int64(l.calls); number = begun.Add(1) {
		numbered := &hellov1.SayHelloRequest{
			Greeting: request.GetGreeting(), Name: fmt.Sprintf("%s %d", request.GetName(), number%people),
		}
		bounded, cancel := context.WithTimeout(ctx, timeout)
		start := time.Now()
		_, err := client.SayHello(bounded, numbered)
		duration := time.Since(start)
		cancel()
		if ctx.Err() != nil {
			// Cut off by our own stop, so it says nothing about the server.
			break
		}
		result.durations = append(result.durations, duration)
		result.codes[status.Code(err)]++
	}
	return result
}

// report prints one "name: value" a line, for people and scripts. Its error says
// how many calls failed.
func report(stdout io.Writer, elapsed time.Duration, outcomes []outcome) error {
	all := outcome{codes: map[codes.Code]int{}}
	for _, part := range outcomes {
		all.durations = append(all.durations, part.durations...)
		for code, count := range part.codes {
			all.codes[code] += count
		}
	}
	calls := len(all.durations)
	slices.Sort(all.durations)

	var lines strings.Builder
	fmt.Fprintf(&lines, "calls: %d\nseconds: %.3f\ncalls per second: %.0f\n",
		calls, elapsed.Seconds(), float64(calls)/elapsed.Seconds())
	for _, percent := range []int{50, 99, 100} {
		// The nearest rank: the shortest time in which so many of the calls ended.
		if rank := (calls*percent + 99) / 100; rank > 0 {
			fmt.Fprintf(&lines, "p%d in ms: %.3f\n", percent, float64(all.durations[rank-1].Microseconds())/1000)
		}
	}
	for code := codes.OK; code <= codes.Unauthenticated; code++ {
		if all.codes[code] > 0 {
			fmt.Fprintf(&lines, "%s: %d\n", code, all.codes[code])
		}
	}
	if _, err := io.WriteString(stdout, lines.String()); err != nil {
		return err
	}
	if failed := calls - all.codes[codes.OK]; failed > 0 {
		return fmt.Errorf("%d of %d calls failed", failed, calls)
	}
	return nil
}
