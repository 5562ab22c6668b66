package main

import (
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
	return execute(t, nil, append([]string{"healthcheck", "-timeout", patience.String()}, args...)...)
}

// serveGRPC serves what register adds until the test ends, and returns the address.
func serveGRPC(t *testing.T, register func(*grpc.Server)) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	noError(t, err)
	server := grpc.NewServer()
	register(server)
	t.Cleanup(server.Stop)
	go func() { _ = server.Serve(listener) }()
	return listener.Addr().String()
}

func TestHealthcheckOfAServerThatServesIsSilent(t *testing.T) {
	address := "localhost:" + start(t).port
	for _, name := range []string{"", "liveness", "readiness"} {
		code, output := check(t, "-addr", address, "-service", name)
		wantOutput(t, code, output, 0, "")
	}
	code, output := check(t, "-addr", address, "-service", "unknown")
	wantOutput(t, code, output, 1, "server: healthcheck of "+address+" failed: NotFound: unknown service\n")
}

func TestHealthcheckOfAServerThatIsNotReadyFails(t *testing.T) {
	services := health.NewServer()
	services.SetServingStatus("", healthv1.HealthCheckResponse_NOT_SERVING)
	address := serveGRPC(t, func(s *grpc.Server) { healthv1.RegisterHealthServer(s, services) })
	code, output := check(t, "-addr", address)
	wantOutput(t, code, output, 1, "server: healthcheck of "+address+": service \"\" is NOT_SERVING\n")
}

func TestHealthcheckSpeaksTLS(t *testing.T) {
	// Borrows the certificate that the standard library has for tests.
	borrowed := httptest.NewUnstartedServer(nil)
	borrowed.StartTLS()
	defer borrowed.Close()
	pair := borrowed.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	noError(t, err)
	file := filepath.Join(t.TempDir(), "tls.pem")
	noError(t, os.WriteFile(file, append(
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...), 0o600))
	address := "localhost:" + start(t, "-tls-cert", file, "-tls-key", file).port
	code, output := check(t, "-addr", address, "-tls-ca", file, "-tls-server-name", "example.com")
	wantOutput(t, code, output, 0, "")
	if code, output := check(t, "-addr", address); code != 1 {
		t.Errorf("plain text: got exit code %d and %q, want 1", code, output)
	}
}

func TestHealthcheckHasFlagsOfItsOwn(t *testing.T) {
	code, output := check(t, "-port", "1")
	wantOutput(t, code, output, 2, "server: flag provided but not defined: -port (see -help)\n")
	code, output = check(t, "-addr", "localhost")
	wantOutput(t, code, output, 2, "server: invalid value \"localhost\" for flag -addr: want HOST:PORT (see -help)\n")
	code, output = check(t, "-help")
	if code != 0 || !strings.HasPrefix(output, "Usage: server healthcheck [flags]\n") {
		t.Errorf("got exit code %d and %q, want 0 and the usage", code, output)
	}
}
