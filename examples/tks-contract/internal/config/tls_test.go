package config_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seungkyu/tks-contract/internal/config"
)

func TestServerTLSNeedsCertificateAndKey(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		files config.ServerTLS
		want  string
	}{
		{config.ServerTLS{}, ""},
		{config.ServerTLS{Cert: "a", Key: "b", ClientCA: "c"}, ""},
		{config.ServerTLS{Cert: "a"}, "flag -tls-key is needed with -tls-cert: want a PEM file"},
		{config.ServerTLS{Key: "b"}, "flag -tls-cert is needed with -tls-key: want a PEM file"},
		{config.ServerTLS{ClientCA: "c"}, "flag -tls-cert is needed with -tls-client-ca: want a PEM file"},
	} {
		var got string
		if err := (&config.Config{TLS: test.files}).Validate(); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%+v: got %q, want %q", test.files, got, test.want)
		}
	}
}

func TestClientSpeaksPlainTextUnlessATLSFlagIsGiven(t *testing.T) {
	t.Parallel()

	for security, want := range map[config.ClientTLS]string{
		{}: "insecure", {Enabled: true}: "tls", {ServerName: "server"}: "tls",
	} {
		transport, err := security.Credentials()
		if err != nil {
			t.Fatal(err)
		}
		if got := transport.Info().SecurityProtocol; got != want {
			t.Errorf("%+v: got protocol %q, want %q", security, got, want)
		}
	}
}

func TestClientReportsTLSFilesThatItCannotUse(t *testing.T) {
	t.Parallel()

	missing := filepath.Join(t.TempDir(), "missing")
	for want, security := range map[string]config.ClientTLS{
		"cannot use -tls-ca: ":                 {CA: missing},
		"cannot use -tls-cert with -tls-key: ": {Cert: missing, Key: missing},
	} {
		_, err := security.Credentials()
		if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got error %v, want one that begins with %q", err, want)
		}
	}

	_, err := (&config.ClientTLS{Cert: "a"}).Credentials()
	if _, ok := errors.AsType[*config.UsageError](err); !ok {
		t.Errorf("got error %v, want a usage error", err)
	}
}

func TestFileWithoutACertificateIsNoAuthority(t *testing.T) {
	t.Parallel()

	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Authorities(path); err == nil || err.Error() != "no certificate in "+path {
		t.Errorf("got error %v, want one that names the file", err)
	}
}
