package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
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

	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/seungkyu/tks-contract/internal/config"
	"github.com/seungkyu/tks-contract/internal/server"
)

// issue writes a new certificate for localhost, signed by itself, and its key over
// the file at path. The certificate is its own authority.
func issue(t *testing.T, path string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	noError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	noError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	noError(t, err)
	replace(t, path, append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...))
}

// replace writes content to path in one step, as a Secret of Kubernetes changes.
func replace(t *testing.T, path string, content []byte) {
	t.Helper()
	noError(t, os.WriteFile(path+".new", content, 0o600))
	noError(t, os.Rename(path+".new", path))
}

// newPair returns the path of a new certificate with its key.
func newPair(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tls.pem")
	issue(t, path)
	return path
}

// startSecured starts a server that speaks TLS and returns its address, too.
func startSecured(t *testing.T, pair, clientCA string) (*running, string) {
	t.Helper()
	listener := listenMarked(t)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	noError(t, err)
	files := config.ServerTLS{Cert: pair, Key: pair, ClientCA: clientCA}
	return start(t, scene{listener: listener, tls: files}), "localhost:" + port
}

// wantCall connects anew, calls once and checks the code.
func wantCall(t *testing.T, client config.Client, want codes.Code) {
	t.Helper()
	conn, err := client.Connect()
	noError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = testgrpc.NewTestServiceClient(conn).EmptyCall(callContext(t), &testgrpc.Empty{})
	wantCode(t, err, want)
}

func TestClientWithTheAuthorityIsServedOverTLS(t *testing.T) {
	pair := newPair(t)
	_, address := startSecured(t, pair, "")
	wantCall(t, config.Client{Address: address, CA: pair}, codes.OK)
	wantCall(t, config.Client{Address: address}, codes.Unavailable)
	wantCall(t, config.Client{Address: address, CA: newPair(t)}, codes.Unavailable)
	wantCall(t, config.Client{Address: address, CA: pair, ServerName: "other"}, codes.Unavailable)
}

func TestNewCertificateIsUsedWithoutARestartUnlessItIsBroken(t *testing.T) {
	pair, old := newPair(t), filepath.Join(t.TempDir(), "old.pem")
	noError(t, os.Link(pair, old))
	running, address := startSecured(t, pair, "")
	wantCall(t, config.Client{Address: address, CA: old}, codes.OK)

	replace(t, pair, []byte("nothing"))
	for range 2 {
		wantCall(t, config.Client{Address: address, CA: old}, codes.OK)
	}
	if got := strings.Count(running.log.String(), "cannot be used"); got != 1 {
		t.Errorf("got %d warnings, want 1:\n%s", got, running.log)
	}

	issue(t, pair)
	wantCall(t, config.Client{Address: address, CA: pair}, codes.OK)
	wantCall(t, config.Client{Address: address, CA: old}, codes.Unavailable)
}

func TestServerWithAClientAuthorityKnowsItsCallers(t *testing.T) {
	pair, caller, stranger := newPair(t), newPair(t), newPair(t)
	_, address := startSecured(t, pair, caller)
	wantCall(t, config.Client{Address: address, CA: pair, Cert: caller, Key: caller}, codes.OK)
	wantCall(t, config.Client{Address: address, CA: pair}, codes.Unavailable)
	wantCall(t, config.Client{Address: address, CA: pair, Cert: stranger, Key: stranger}, codes.Unavailable)
}

func TestServerReportsTLSFilesThatItCannotUse(t *testing.T) {
	pair, missing := newPair(t), filepath.Join(t.TempDir(), "missing")
	for want, files := range map[string]config.ServerTLS{
		"cannot use -tls-cert with -tls-key: ": {Cert: pair, Key: missing},
		"cannot use -tls-client-ca: ":          {Cert: pair, Key: pair, ClientCA: missing},
	} {
		_, err := server.Credentials(files, slog.New(slog.DiscardHandler))
		if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got error %v, want one that begins with %q", err, want)
		}
	}
}
