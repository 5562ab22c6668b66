package server

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/seungkyu/tks-contract/internal/config"
)

// certificates reads TLS files again when they have changed, so that a new
// certificate needs no restart.
type certificates struct {
	files  config.ServerTLS
	logger *slog.Logger

	mu sync.Mutex
	// state is that of the files when settings were read, or could not be.
	state    string
	settings *tls.Config
}

// TLS returns settings for a server with these files. It fails when they cannot
// be used now. When they cannot be used later, the last good ones stay in use.
func TLS(files config.ServerTLS, logger *slog.Logger) (*tls.Config, error) {
	c := &certificates{files: files, logger: logger, state: stateOf(files)}
	settings, err := read(files)
	if err != nil {
		return nil, err
	}
	c.settings = settings

	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return c.current(), nil
		},
	}, nil
}

// current is called for each new connection. It looks at three files, which
// takes far less time than the handshake, and reads them when they are others.
func (c *certificates) current() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()

	// Before the files are read: what changes after this is seen the next time.
	state := stateOf(c.files)
	if state == c.state {
		return c.settings
	}
	c.state = state

	settings, err := read(c.files)
	if err != nil {
		// For example between the new certificate and its new key.
		c.logger.Warn("the TLS files have changed and cannot be used, so the old ones stay", "error", err)

		return c.settings
	}
	c.settings = settings
	c.logger.Info("the TLS files have changed and are in use")

	return c.settings
}

// stateOf returns a text that is another one when a file is another one.
func stateOf(files config.ServerTLS) string {
	var state strings.Builder
	for _, path := range []string{files.Cert, files.Key, files.ClientCA} {
		if info, err := os.Stat(path); err == nil {
			fmt.Fprintln(&state, info.ModTime().UnixNano(), info.Size())
		} else {
			fmt.Fprintln(&state, "none")
		}
	}

	return state.String()
}

func read(files config.ServerTLS) (*tls.Config, error) {
	certificate, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		return nil, fmt.Errorf("cannot use -tls-cert with -tls-key: %w", err)
	}
	settings := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2"},
		Certificates: []tls.Certificate{certificate},
	}
	if files.ClientCA != "" {
		settings.ClientCAs, err = config.Authorities(files.ClientCA)
		if err != nil {
			return nil, fmt.Errorf("cannot use -tls-client-ca: %w", err)
		}
		settings.ClientAuth = tls.RequireAndVerifyClientCert
	}

	return settings, nil
}
