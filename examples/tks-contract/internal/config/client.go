package config

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// Client says which server a program calls, and how it makes sure that it is the
// right one. What each setting means says its flag.
type Client struct {
	Address                   string
	Timeout                   time.Duration
	TLS                       bool
	CA, Cert, Key, ServerName string
}

// AddFlags declares the flags that fill c, which then holds their defaults.
func (c *Client) AddFlags(flags *flag.FlagSet, timeout time.Duration) {
	flags.StringVar(&c.Address, "addr", net.JoinHostPort("localhost", DefaultPort), "server to call, `HOST:PORT`")
	Var(flags, &c.Timeout, "timeout", timeout, Positive, "`duration` that a call may take")
	Var(flags, &c.TLS, "tls", false, Switch, "use TLS; all other -tls flags imply it")
	flags.StringVar(&c.CA, "tls-ca", "", "PEM `file` with the authorities to trust instead of those of the system")
	flags.StringVar(&c.Cert, "tls-cert", "", "PEM `file` with the certificate to show")
	flags.StringVar(&c.Key, "tls-key", "", "PEM `file` with the private key of -tls-cert")
	flags.StringVar(&c.ServerName, "tls-server-name", "", "`name` in the server's certificate, if not that of -addr")
}

// Connect returns a connection, which begins with its first call. When flags are
// wrong the error is of type *UsageError.
func (c *Client) Connect() (*grpc.ClientConn, error) {
	if _, port, err := net.SplitHostPort(c.Address); err != nil || port == "" {
		return nil, &UsageError{fmt.Errorf("invalid value %q for flag -addr: want HOST:PORT", c.Address)}
	}
	transport, err := c.credentials()
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(c.Address, grpc.WithTransportCredentials(transport))
	if err != nil {
		return nil, fmt.Errorf("cannot use -addr %s: %w", c.Address, err)
	}
	return conn, nil
}

// Failed says which server did not do its work, and why, without the words that
// gRPC puts around that.
func (c *Client) Failed(call string, err error) error {
	failure := status.Convert(err)
	return fmt.Errorf("%s %s failed: %s: %s", call, c.Address, failure.Code(), failure.Message())
}

func (c *Client) credentials() (credentials.TransportCredentials, error) {
	if err := pair(c.Cert, c.Key); err != nil {
		return nil, err
	}
	if !c.TLS && c.CA == "" && c.Cert == "" && c.ServerName == "" {
		return insecure.NewCredentials(), nil
	}

	settings := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.ServerName}
	if c.CA != "" {
		authorities, err := Authorities(c.CA)
		if err != nil {
			return nil, fmt.Errorf("cannot use -tls-ca: %w", err)
		}
		settings.RootCAs = authorities
	}
	if c.Cert != "" {
		certificate, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return nil, fmt.Errorf("cannot use -tls-cert with -tls-key: %w", err)
		}
		settings.Certificates = []tls.Certificate{certificate}
	}
	return credentials.NewTLS(settings), nil
}

// Authorities reads the certificates of authorities from a PEM file.
func Authorities(path string) (*x509.CertPool, error) {
	content, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("no certificate in %s", path)
	}
	return authorities, nil
}
