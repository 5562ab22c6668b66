package postgres

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// Collector reports on a pool of connections.
type Collector struct {
	pool                              *pgxpool.Pool
	connections, limit, acquires      *prometheus.Desc
	waits, waitSeconds, canceledWaits *prometheus.Desc
}

// NewCollector returns a collector for pool.
func NewCollector(pool *pgxpool.Pool) *Collector {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("db_pool_"+name, help, labels, nil)
	}

	return &Collector{
		pool:          pool,
		connections:   describe("connections", "Connections to the database by what they do.", "state"),
		limit:         describe("max_connections", "Most connections that there may be."),
		acquires:      describe("acquires_total", "Times that a call got a connection."),
		waits:         describe("waits_total", "Times that a call had to wait for a connection."),
		waitSeconds:   describe("wait_seconds_total", "Time that calls waited for a connection."),
		canceledWaits: describe("canceled_waits_total", "Times that a call ended before it got a connection."),
	}
}

// Describe sends what Collect will send metrics of.
func (c *Collector) Describe(descriptions chan<- *prometheus.Desc) {
	prometheus.DescribeByCollect(c, descriptions)
}

// Collect sends the numbers of this moment.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	send := func(description *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(description, kind, value, labels...)
	}
	stat := c.pool.Stat()

	send(c.connections, prometheus.GaugeValue, float64(stat.AcquiredConns()), "in_use")
	send(c.connections, prometheus.GaugeValue, float64(stat.IdleConns()), "idle")
	send(c.connections, prometheus.GaugeValue, float64(stat.ConstructingConns()), "connecting")
	send(c.limit, prometheus.GaugeValue, float64(stat.MaxConns()))
	send(c.acquires, prometheus.CounterValue, float64(stat.AcquireCount()))
	send(c.waits, prometheus.CounterValue, float64(stat.EmptyAcquireCount()))
	send(c.waitSeconds, prometheus.CounterValue, stat.EmptyAcquireWaitTime().Seconds())
	send(c.canceledWaits, prometheus.CounterValue, float64(stat.CanceledAcquireCount()))
}
