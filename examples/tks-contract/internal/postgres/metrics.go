package postgres

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics returns what tells about the pool of connections.
func (s *Store) Metrics() []prometheus.Collector {
	gauge := func(name, help, state string, value func(*pgxpool.Stat) int32) prometheus.Collector {
		options := prometheus.GaugeOpts{Namespace: "db_pool", Name: name, Help: help}
		if state != "" {
			options.ConstLabels = prometheus.Labels{"state": state}
		}
		return prometheus.NewGaugeFunc(options, func() float64 { return float64(value(s.pool.Stat())) })
	}
	counter := func(name, help string, value func(*pgxpool.Stat) float64) prometheus.Collector {
		options := prometheus.CounterOpts{Namespace: "db_pool", Name: name, Help: help}
		return prometheus.NewCounterFunc(options, func() float64 { return value(s.pool.Stat()) })
	}

	const connections = "Connections to the database by what they do."
	return []prometheus.Collector{
		gauge("connections", connections, "in_use", (*pgxpool.Stat).AcquiredConns),
		gauge("connections", connections, "idle", (*pgxpool.Stat).IdleConns),
		gauge("connections", connections, "connecting", (*pgxpool.Stat).ConstructingConns),
		gauge("max_connections", "Most connections that there may be.", "", (*pgxpool.Stat).MaxConns),
		counter("acquires_total", "Times that a call got a connection.",
			func(s *pgxpool.Stat) float64 { return float64(s.AcquireCount()) }),
		counter("waits_total", "Times that a call had to wait for a connection.",
			func(s *pgxpool.Stat) float64 { return float64(s.EmptyAcquireCount()) }),
		counter("wait_seconds_total", "Time that calls waited for a connection.",
			func(s *pgxpool.Stat) float64 { return s.EmptyAcquireWaitTime().Seconds() }),
		counter("canceled_waits_total", "Times that a call ended before it got a connection.",
			func(s *pgxpool.Stat) float64 { return float64(s.CanceledAcquireCount()) }),
	}
}
