package main

import (
	"strings"
	"testing"
)

func TestServerSaysThatItForgets(t *testing.T) {
	logs := start(t).log
	if !strings.Contains(logs, `"level":"INFO"`) || !strings.Contains(logs, "lost when the server stops") {
		t.Errorf("the log does not say so:\n%s", logs)
	}
}
