"""What `make bench` measures: a module per subject, and the table that they fill."""
