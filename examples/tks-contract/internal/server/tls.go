package server

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/seungkyu/tks-contract/internal/config"
)

// certificates reads TLS files again when they have changed, so that a new
// certificate needs no restart.
type certificates struct {
	files  config.ServerTLS
	logger *slog.Logger

	mu sync.Mutex
	// state is that of the files when they were read last.
	state    [3]string
	settings *tls.Config
}

// Credentials returns those of a server with these files, or plain text for none.
// It fails when they cannot be used now. When they cannot be used later, the last
// good ones stay in use.
func Credentials(files config.ServerTLS, logger *slog.Logger) (credentials.TransportCredentials, error) {
	if files.Cert == "" {
		return insecure.NewCredentials(), nil
	}
	c := &certificates{files: files, logger: logger}
	if err := c.read(); err != nil {
		return nil, err
	}
	return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: c.current}), nil
}

// current is called for each new connection. It looks at three files, which
// takes far less time than the handshake, and reads them when they are others.
func (c *certificates) current(*tls.ClientHelloInfo) (*tls.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()

	if stateOf(c.files) != c.state {
		if err := c.read(); err != nil {
			// For example between the new certificate and its new key.
			c.logger.Warn("the TLS files have changed and cannot be used, so the old ones stay", "error", err)
		} else {
			c.logger.Info("the TLS files have changed and are in use")
		}
	}
	return c.settings, nil
}

// stateOf returns texts that are others when a file is another one.
func stateOf(files config.ServerTLS) (state [3]string) {
	for i, path := range []string{files.Cert, files.Key, files.ClientCA} {
		if info, err := os.Stat(path); err == nil {
			state[i] = fmt.Sprint(info.ModTime().UnixNano(), info.Size())
		}
	}
	return state
}

// read changes the settings to those of the files, unless it fails.
func (c *certificates) read() error {
	// First, so that what changes after this is seen the next time.
	c.state = stateOf(c.files)
	certificate, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	if err != nil {
		return fmt.Errorf("cannot use -tls-cert with -tls-key: %w", err)
	}
	settings := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2"},
		Certificates: []tls.Certificate{certificate},
	}
	if c.files.ClientCA != "" {
		settings.ClientCAs, err = config.Authorities(c.files.ClientCA)
		if err != nil {
			return fmt.Errorf("cannot use -tls-client-ca: %w", err)
		}
		settings.ClientAuth = tls.RequireAndVerifyClientCert
	}
	c.settings = settings
	return nil
}
