"""The linters: one module each, listed in registry.py, run by runner.py."""
