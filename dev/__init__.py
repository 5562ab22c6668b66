"""What `make` runs for the developers of goldpath; nothing here is shipped."""
