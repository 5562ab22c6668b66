"""goldpath's own rules for templates and their renders."""
