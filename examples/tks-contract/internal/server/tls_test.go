package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/seungkyu/tks-contract/internal/config"
	"github.com/seungkyu/tks-contract/internal/server"
)

// issue writes a new certificate for localhost, signed by itself, and its key
// over the files of pair. The certificate is its own authority.
func issue(t *testing.T, pair config.ServerTLS) {
	t.Helper()

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: rand.Text()},
		DNSNames:              []string{"localhost"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{
		pair.Cert: {Type: "CERTIFICATE", Bytes: certificate},
		pair.Key:  {Type: "PRIVATE KEY", Bytes: private},
	} {
		replace(t, path, pem.EncodeToMemory(block))
	}
}

// replace writes content to path in one step, as a Secret of Kubernetes changes.
func replace(t *testing.T, path string, content []byte) {
	t.Helper()

	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// newPair returns the paths of a new certificate and its key.
func newPair(t *testing.T) config.ServerTLS {
	t.Helper()

	folder := t.TempDir()
	pair := config.ServerTLS{Cert: filepath.Join(folder, "tls.crt"), Key: filepath.Join(folder, "tls.key")}
	issue(t, pair)

	return pair
}

// secured is a server that speaks TLS.
type secured struct {
	address string
	log     *buffer
}

func startSecured(t *testing.T, files config.ServerTLS) secured {
	t.Helper()

	log := &buffer{}
	certificates, err := server.TLS(files, slog.New(slog.NewJSONHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	listener := listenMarked(t)
	start(t, scene{listener: listener, options: []grpc.ServerOption{grpc.Creds(credentials.NewTLS(certificates))}})
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}

	return secured{address: net.JoinHostPort("localhost", port), log: log}
}

// call connects anew with these settings, calls once and returns the error.
func (s secured) call(t *testing.T, settings config.ClientTLS) error {
	t.Helper()

	transport, err := settings.Credentials()
	if err != nil {
		t.Fatal(err)
	}

	return s.callWith(t, transport)
}

func (s secured) callWith(t *testing.T, transport credentials.TransportCredentials) error {
	t.Helper()

	conn, err := grpc.NewClient(s.address, grpc.WithTransportCredentials(transport))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()

	return (&running{conn: conn}).sayHello(callContext(t))
}

func TestClientWithTheAuthorityIsServedOverTLS(t *testing.T) {
	t.Parallel()

	pair := newPair(t)
	secure := startSecured(t, pair)
	if err := secure.call(t, config.ClientTLS{CA: pair.Cert}); err != nil {
		t.Error(err)
	}
	if got := status.Code(secure.callWith(t, insecure.NewCredentials())); got != codes.Unavailable {
		t.Errorf("plain text: got code %v, want Unavailable", got)
	}
	if err := secure.call(t, config.ClientTLS{CA: newPair(t).Cert}); status.Code(err) != codes.Unavailable {
		t.Errorf("another authority: got %v, want Unavailable", err)
	}
	if err := secure.call(t, config.ClientTLS{CA: pair.Cert, ServerName: "other"}); status.Code(err) != codes.Unavailable {
		t.Errorf("another name: got %v, want Unavailable", err)
	}
}

func TestNewCertificateIsUsedWithoutARestart(t *testing.T) {
	t.Parallel()

	pair := newPair(t)
	secure := startSecured(t, pair)
	old, err := config.Authorities(pair.Cert)
	if err != nil {
		t.Fatal(err)
	}
	trustOld := credentials.NewTLS(&tls.Config{RootCAs: old, MinVersion: tls.VersionTLS12})
	if err := secure.callWith(t, trustOld); err != nil {
		t.Fatal(err)
	}

	issue(t, pair)
	if err := secure.call(t, config.ClientTLS{CA: pair.Cert}); err != nil {
		t.Errorf("the new certificate is not in use: %v", err)
	}
	if got := status.Code(secure.callWith(t, trustOld)); got != codes.Unavailable {
		t.Errorf("the old certificate is in use: got code %v, want Unavailable", got)
	}
}

func TestBrokenCertificateLeavesTheOldOneInUse(t *testing.T) {
	t.Parallel()

	pair := newPair(t)
	secure := startSecured(t, pair)
	authority, err := config.Authorities(pair.Cert)
	if err != nil {
		t.Fatal(err)
	}

	replace(t, pair.Cert, []byte("nothing"))
	for range 2 {
		transport := credentials.NewTLS(&tls.Config{RootCAs: authority, MinVersion: tls.VersionTLS12})
		if err := secure.callWith(t, transport); err != nil {
			t.Error(err)
		}
	}
	if got := strings.Count(secure.log.String(), "cannot be used"); got != 1 {
		t.Errorf("got %d warnings, want 1:\n%s", got, secure.log)
	}
}

func TestServerWithAClientAuthorityKnowsItsCallers(t *testing.T) {
	t.Parallel()

	pair, caller := newPair(t), newPair(t)
	secure := startSecured(t, config.ServerTLS{Cert: pair.Cert, Key: pair.Key, ClientCA: caller.Cert})
	if err := secure.call(t, config.ClientTLS{CA: pair.Cert, Cert: caller.Cert, Key: caller.Key}); err != nil {
		t.Error(err)
	}
	if got := status.Code(secure.call(t, config.ClientTLS{CA: pair.Cert})); got != codes.Unavailable {
		t.Errorf("no certificate: got code %v, want Unavailable", got)
	}
	stranger := newPair(t)
	err := secure.call(t, config.ClientTLS{CA: pair.Cert, Cert: stranger.Cert, Key: stranger.Key})
	if status.Code(err) != codes.Unavailable {
		t.Errorf("certificate of another authority: got %v, want Unavailable", err)
	}
}

func TestServerReportsTLSFilesThatItCannotUse(t *testing.T) {
	t.Parallel()

	pair := newPair(t)
	missing := filepath.Join(t.TempDir(), "missing")
	for want, files := range map[string]config.ServerTLS{
		"cannot use -tls-cert with -tls-key: ": {Cert: pair.Cert, Key: missing},
		"cannot use -tls-client-ca: ":          {Cert: pair.Cert, Key: pair.Key, ClientCA: missing},
	} {
		_, err := server.TLS(files, slog.New(slog.DiscardHandler))
		if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got error %v, want one that begins with %q", err, want)
		}
	}
}
