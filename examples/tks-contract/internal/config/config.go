// Package config reads the settings of the programs from their command line and,
// for the server, from its environment.
package config

import (
	"errors"
	"flag"
	"time"
)

const (
	// DefaultPort is where the server listens and its clients look for it. It is
	// text because that is what flags and network addresses are made of.
	DefaultPort = "9110"
	// Off is the value of Config.MetricsPort that means no port.
	Off = "off"
)

// Config holds the settings of the server, except those of its storage. What each
// of them means says its flag.
type Config struct {
	Port, MetricsPort, LogLevel string
	Pprof, Version              bool
	TLS                         ServerTLS
	Server                      Server
}

// Server holds the settings of the gRPC server.
type Server struct {
	Reflection                              bool
	HealthInterval, RequestTimeout          time.Duration
	ShutdownDelay, ShutdownTimeout          time.Duration
	MaxConnectionAge, MaxConnectionAgeGrace time.Duration
	MaxMessageSize, MaxInFlight             int
	MaxConcurrentStreams                    uint32
}

// ServerTLS names the PEM files that make a server speak TLS.
type ServerTLS struct {
	Cert, Key, ClientCA string
}

// AddFlags declares the flags that fill c, which then holds their defaults.
func (c *Config) AddFlags(flags *flag.FlagSet) {
	Var(flags, &c.Port, "port", DefaultPort, port(0), "TCP `port` to listen on; 0 means any free port")
	Var(flags, &c.MetricsPort, "metrics-port", "9090", port(0, Off),
		"TCP `port` of the Prometheus metrics; 0 means any free port, off means none")
	Var(flags, &c.Pprof, "pprof", false, Switch, "serve Go profiles under /debug/pprof/ on the metrics port")
	Var(flags, &c.LogLevel, "log-level", "info", oneOf("debug", "info", "warn", "error"),
		"lowest `level` that is logged: debug, info, warn or error")
	Var(flags, &c.Version, "version", false, Switch, "print the version and exit")

	flags.StringVar(&c.TLS.Cert, "tls-cert", "",
		"PEM `file` with the certificate; without it the server speaks plain text")
	flags.StringVar(&c.TLS.Key, "tls-key", "", "PEM `file` with the private key of -tls-cert")
	flags.StringVar(&c.TLS.ClientCA, "tls-client-ca", "",
		"PEM `file` with the authorities of which callers need a certificate; without it they need none")

	s := &c.Server
	Var(flags, &s.Reflection, "reflection", false, Switch, "serve gRPC reflection, for tools such as grpcurl")
	Var(flags, &s.HealthInterval, "health-interval", 2*time.Second, Positive,
		"`duration` between two checks of the store, which readiness follows")
	Var(flags, &s.ShutdownDelay, "shutdown-delay", 3*time.Second, notNegative,
		"`duration` after a stop signal in which new calls are still answered")
	Var(flags, &s.ShutdownTimeout, "shutdown-timeout", 20*time.Second, Positive,
		"`duration` that running calls may take to finish after that")
	Var(flags, &s.RequestTimeout, "request-timeout", 10*time.Second, Positive,
		"`duration` that a call may take; a shorter deadline of its caller counts too")
	Var(flags, &s.MaxConnectionAge, "max-connection-age", 5*time.Minute, Positive,
		"`duration` after which a client is asked to connect anew")
	Var(flags, &s.MaxConnectionAgeGrace, "max-connection-age-grace", 30*time.Second, Positive,
		"`duration` that its running calls may still take then")
	Var(flags, &s.MaxMessageSize, "max-message-size", 256<<10, Number(1<<10, 1<<30),
		"maximum size of a request in `bytes`")
	Var(flags, &s.MaxConcurrentStreams, "max-concurrent-streams", 100, Number[uint32](1, 1_000_000),
		"maximum number of `calls` at once on one connection")
	Var(flags, &s.MaxInFlight, "max-in-flight", 300, Number(0, 1_000_000),
		"maximum number of `calls` at once on all connections; 0 means no limit")
}

// Validate reports flags that do not go together.
func (c *Config) Validate() error {
	if c.TLS.Cert == "" && c.TLS.ClientCA != "" {
		return &UsageError{errors.New("flag -tls-cert is needed with -tls-client-ca: want a PEM file")}
	}
	return pair(c.TLS.Cert, c.TLS.Key)
}

// pair reports a certificate without its key, or the other way round.
func pair(cert, key string) error {
	if cert != "" && key == "" {
		return &UsageError{errors.New("flag -tls-key is needed with -tls-cert: want a PEM file")}
	}
	if cert == "" && key != "" {
		return &UsageError{errors.New("flag -tls-cert is needed with -tls-key: want a PEM file")}
	}
	return nil
}
