package postgres

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestPoolIsMeasured(t *testing.T) {
	store := openEmptyStore(t)

	// Opening took the one connection twice, to ping and to make the schema.
	const want = `
		# HELP db_pool_acquires_total Times that a call got a connection.
		# TYPE db_pool_acquires_total counter
		db_pool_acquires_total 2
		# HELP db_pool_connections Connections to the database by what they do.
		# TYPE db_pool_connections gauge
		db_pool_connections{state="connecting"} 0
		db_pool_connections{state="idle"} 1
		db_pool_connections{state="in_use"} 0
	`
	err := testutil.CollectAndCompare(store.Collector(), strings.NewReader(want), "db_pool_acquires_total",
		"db_pool_connections")
	if err != nil {
		t.Error(err)
	}
	problems, err := testutil.CollectAndLint(store.Collector())
	if err != nil || len(problems) > 0 {
		t.Errorf("got problems %v and error %v, want none", problems, err)
	}
}
