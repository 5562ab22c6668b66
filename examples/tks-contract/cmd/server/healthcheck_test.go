package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

// check runs the healthcheck and returns its exit code and what it prints.
func check(t *testing.T, args ...string) (int, string) {
	t.Helper()

	var stdout, stderr bytes.Buffer
	args = append([]string{"server", "healthcheck", "-timeout", patience.String()}, args...)
	code := exitCode(run(t.Context(), args, nil, &stdout, &stderr), &stderr)

	return code, stdout.String() + stderr.String()
}

func TestHealthcheckOfAServerThatServesIsSilent(t *testing.T) {
	t.Parallel()

	address := net.JoinHostPort("localhost", start(t).port)
	for _, name := range []string{"", "liveness", "readiness", "hello.v1.HelloService"} {
		if code, output := check(t, "-addr", address, "-service", name); code != 0 || output != "" {
			t.Errorf("service %q: got exit code %d and %q, want 0 and nothing", name, code, output)
		}
	}
	code, output := check(t, "-addr", address, "-service", "unknown")
	want := "server: healthcheck of " + address + " failed: NotFound: unknown service\n"
	if code != 1 || output != want {
		t.Errorf("got exit code %d and %q, want 1 and %q", code, output, want)
	}
}

func TestHealthcheckOfAServerThatIsNotReadyFails(t *testing.T) {
	t.Parallel()

	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	services := health.NewServer()
	services.SetServingStatus("", healthv1.HealthCheckResponse_NOT_SERVING)
	server := grpc.NewServer()
	healthv1.RegisterHealthServer(server, services)
	t.Cleanup(server.Stop)
	go func() { _ = server.Serve(listener) }()

	address := listener.Addr().String()
	code, output := check(t, "-addr", address)
	want := "server: healthcheck of " + address + ": service \"\" is NOT_SERVING\n"
	if code != 1 || output != want {
		t.Errorf("got exit code %d and %q, want 1 and %q", code, output, want)
	}

	server.Stop()
	code, output = check(t, "-addr", address)
	if code != 1 || !strings.HasPrefix(output, "server: healthcheck of "+address+" failed: Unavailable: ") ||
		strings.Count(output, "\n") != 1 {
		t.Errorf("got exit code %d and %q, want 1 and one line", code, output)
	}
}

func TestHealthcheckSpeaksTLS(t *testing.T) {
	t.Parallel()

	// Borrows the certificate that the standard library has for tests.
	borrowed := httptest.NewUnstartedServer(nil)
	borrowed.StartTLS()
	defer borrowed.Close()
	pair := borrowed.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	certFile, keyFile := filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	for path, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]},
		keyFile:  {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	address := net.JoinHostPort("localhost", launch(t, "-tls-cert", certFile, "-tls-key", keyFile).port)
	code, output := check(t, "-addr", address, "-tls-ca", certFile, "-tls-server-name", "example.com")
	if code != 0 || output != "" {
		t.Errorf("got exit code %d and %q, want 0 and nothing", code, output)
	}
	if code, output := check(t, "-addr", address); code != 1 {
		t.Errorf("plain text: got exit code %d and %q, want 1", code, output)
	}
}

func TestHealthcheckReportsAWrongCallOnOneLine(t *testing.T) {
	t.Parallel()

	for want, args := range map[string][]string{
		"server: invalid value \"localhost\" for flag -addr: want HOST:PORT (see -help)\n": {"-addr", "localhost"},
		"server: flag provided but not defined: -port (see -help)\n":                       {"-port", "1"},
		"server: flag -tls-cert is needed with -tls-key: want a PEM file (see -help)\n":    {"-tls-key", "a"},
	} {
		if code, output := check(t, args...); code != 2 || output != want {
			t.Errorf("got exit code %d and %q, want 2 and %q", code, output, want)
		}
	}
}

func TestHealthcheckHasHelp(t *testing.T) {
	t.Parallel()

	code, output := check(t, "-help")
	if code != 0 || !strings.HasPrefix(output, "Usage: server healthcheck [flags]\n") {
		t.Errorf("got exit code %d and %q, want 0 and the usage", code, output)
	}
}
