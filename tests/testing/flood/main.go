// Command flood makes calls with large requests, all at once, and prints how many ended with each code.
package main

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
)

func main() {
	address := flag.String("addr", "", "server, HOST:PORT")
	calls := flag.Int("calls", 1, "number of calls")
	connections := flag.Int("connections", 1, "number of connections that share them")
	size := flag.Int("bytes", 0, "size of each request")
	flag.Parse()

	clients := make([]hellov1.HelloServiceClient, *connections)
	for i := range clients {
		conn, err := grpc.NewClient(*address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			panic(err)
		}
		clients[i] = hellov1.NewHelloServiceClient(conn)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	// Tag and length of the field take five bytes.
	request := &hellov1.SayHelloRequest{Name: strings.Repeat("x", *size-5)}

	var mu sync.Mutex
	var all sync.WaitGroup
	counts := map[codes.Code]int{}
	for i := range *calls {
		all.Go(func() {
			_, err := clients[i%len(clients)].SayHello(ctx, request)
			mu.Lock()
			defer mu.Unlock()
			counts[status.Code(err)]++
		})
	}
	all.Wait()
	for code, count := range counts {
		fmt.Printf("%s: %d\n", code, count)
	}
}
