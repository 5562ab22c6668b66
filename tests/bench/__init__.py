"""The benchmarks of `make bench`: one module per subject, and the table of results."""
