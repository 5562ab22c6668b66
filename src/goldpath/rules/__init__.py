"""goldpath's own rules: what is checked in a template and in its renders."""
