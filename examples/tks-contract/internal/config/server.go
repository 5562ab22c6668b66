package config

import (
	"flag"
	"time"
)

// Server holds the settings of the gRPC server: how long things may take, and
// how much of them there may be.
type Server struct {
	// Reflection lets tools such as grpcurl ask the server for its API.
	Reflection bool
	// HealthInterval is the time between two looks at the store.
	HealthInterval time.Duration
	// ShutdownDelay is how long new calls are still answered after a stop signal,
	// so that load balancers have time to notice that the server is not ready.
	ShutdownDelay time.Duration
	// ShutdownTimeout is how long calls may take to finish after that.
	ShutdownTimeout time.Duration
	// RequestTimeout is how long a call may take, whatever its caller grants it.
	RequestTimeout time.Duration
	// MaxConnectionAge is when clients are asked to connect anew, which spreads
	// them over servers that came later.
	MaxConnectionAge time.Duration
	// MaxConnectionAgeGrace is how long the calls of such a client may still take.
	MaxConnectionAgeGrace time.Duration
	// MaxMessageSize is the maximum size of a request in bytes.
	MaxMessageSize int
	// MaxConcurrentStreams is the maximum number of calls at once on one connection.
	MaxConcurrentStreams uint32
	// MaxInFlight is the maximum number of calls at once on all connections. 0 means
	// no limit.
	MaxInFlight int
}

func (s *Server) addFlags(flags *flag.FlagSet) {
	BoolVar(flags, &s.Reflection, "reflection", false, "serve gRPC reflection, for tools such as grpcurl")
	PositiveDurationVar(flags, &s.HealthInterval, "health-interval", 2*time.Second,
		"`duration` between two checks of the store, which readiness follows")
	durationVar(flags, &s.ShutdownDelay, "shutdown-delay", 3*time.Second,
		"`duration` after a stop signal in which new calls are still answered")
	PositiveDurationVar(flags, &s.ShutdownTimeout, "shutdown-timeout", 20*time.Second,
		"`duration` that running calls may take to finish after that")
	PositiveDurationVar(flags, &s.RequestTimeout, "request-timeout", 10*time.Second,
		"`duration` that a call may take; a shorter deadline of its caller counts too")
	PositiveDurationVar(flags, &s.MaxConnectionAge, "max-connection-age", 5*time.Minute,
		"`duration` after which a client is asked to connect anew")
	PositiveDurationVar(flags, &s.MaxConnectionAgeGrace, "max-connection-age-grace", 30*time.Second,
		"`duration` that its running calls may still take then")
	NumberVar(flags, &s.MaxMessageSize, "max-message-size", 256<<10, 1<<10, 1<<30,
		"maximum size of a request in `bytes`")
	NumberVar(flags, &s.MaxConcurrentStreams, "max-concurrent-streams", 100, 1, 1_000_000,
		"maximum number of `calls` at once on one connection")
	NumberVar(flags, &s.MaxInFlight, "max-in-flight", 300, 0, 1_000_000,
		"maximum number of `calls` at once on all connections; 0 means no limit")
}
