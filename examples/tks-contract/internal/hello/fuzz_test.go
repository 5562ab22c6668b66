package hello_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
	"github.com/seungkyu/tks-contract/internal/hello"
)

// FuzzSayHello checks that a text is either greeted as it is or rejected, and
// that the choice follows the rules of the API. More texts than the seeds:
// go test -fuzz=FuzzSayHello -fuzztime=10000x ./internal/hello.
func FuzzSayHello(f *testing.F) {
	for _, seed := range []struct{ greeting, name string }{
		{"", "Ada"},
		{"Welcome", "Seungkyu"},
		{"Hello", ""},
		{"100%d", "%s"},
		{"Hel\x00lo", "Ada\n"},
		{strings.Repeat("가", 100), strings.Repeat("a", 101)},
		{"\u0085", "\u200b"},
	} {
		f.Add(seed.greeting, seed.name)
	}
	f.Fuzz(func(t *testing.T, greeting, name string) {
		if !utf8.ValidString(greeting) || !utf8.ValidString(name) {
			return // gRPC does not let such a request in.
		}
		if greeting == "" {
			greeting = "Hello"
		}
		valid := name != ""
		for _, text := range []string{greeting, name} {
			valid = valid && utf8.RuneCountInString(text) <= 100 && !strings.ContainsFunc(text, unicode.IsControl)
		}

		response, err := newService(hello.NewMemory()).SayHello(t.Context(),
			&hellov1.SayHelloRequest{Greeting: greeting, Name: name})
		if valid {
			if err != nil || response.GetMessage() != greeting+", "+name || response.GetCount() != 1 {
				t.Errorf("greeting %q for %q: got %v and error %v", greeting, name, response, err)
			}
		} else if status.Code(err) != codes.InvalidArgument {
			t.Errorf("greeting %q for %q: got %v and error %v, want InvalidArgument", greeting, name, response, err)
		}
	})
}
