package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// ServerTLS names the files that make a server speak TLS.
type ServerTLS struct {
	// Cert and Key are PEM files. Either both are there or none.
	Cert, Key string
	// ClientCA is a PEM file. With it, callers need a certificate that one of its
	// authorities has signed.
	ClientCA string
}

func (t *ServerTLS) addFlags(flags *flag.FlagSet) {
	flags.StringVar(&t.Cert, "tls-cert", "", "PEM `file` with the certificate; without it the server speaks plain text")
	flags.StringVar(&t.Key, "tls-key", "", "PEM `file` with the private key of -tls-cert")
	flags.StringVar(&t.ClientCA, "tls-client-ca", "",
		"PEM `file` with the authorities of which callers need a certificate; without it they need none")
}

func (t *ServerTLS) validate() error {
	if t.Cert == "" && t.ClientCA != "" {
		return errors.New("flag -tls-cert is needed with -tls-client-ca: want a PEM file")
	}

	return pair(t.Cert, t.Key)
}

// ClientTLS says how a client makes sure that it talks to the right server.
type ClientTLS struct {
	// Enabled turns TLS on, with the authorities of the system.
	Enabled bool
	// CA is a PEM file with other authorities. It turns TLS on as well.
	CA string
	// Cert and Key are PEM files, for servers that want to know their callers.
	Cert, Key string
	// ServerName is the name in the server's certificate, if not the address.
	ServerName string
}

// AddFlags declares the flags that fill t.
func (t *ClientTLS) AddFlags(flags *flag.FlagSet) {
	BoolVar(flags, &t.Enabled, "tls", false, "use TLS; all other -tls flags imply it")
	flags.StringVar(&t.CA, "tls-ca", "", "PEM `file` with the authorities to trust instead of those of the system")
	flags.StringVar(&t.Cert, "tls-cert", "", "PEM `file` with the certificate to show")
	flags.StringVar(&t.Key, "tls-key", "", "PEM `file` with the private key of -tls-cert")
	flags.StringVar(&t.ServerName, "tls-server-name", "", "`name` in the server's certificate, if not that of -addr")
}

// Credentials returns what a connection needs. When flags do not go together
// the error is of type *UsageError.
func (t *ClientTLS) Credentials() (credentials.TransportCredentials, error) {
	if err := pair(t.Cert, t.Key); err != nil {
		return nil, &UsageError{Err: err}
	}
	if !t.Enabled && t.CA == "" && t.Cert == "" && t.ServerName == "" {
		return insecure.NewCredentials(), nil
	}

	settings := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CA != "" {
		authorities, err := Authorities(t.CA)
		if err != nil {
			return nil, fmt.Errorf("cannot use -tls-ca: %w", err)
		}
		settings.RootCAs = authorities
	}
	if t.Cert != "" {
		certificate, err := tls.LoadX509KeyPair(t.Cert, t.Key)
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

// pair reports a certificate without its key, or the other way round.
func pair(cert, key string) error {
	if cert != "" && key == "" {
		return errors.New("flag -tls-key is needed with -tls-cert: want a PEM file")
	}
	if cert == "" && key != "" {
		return errors.New("flag -tls-cert is needed with -tls-key: want a PEM file")
	}

	return nil
}
