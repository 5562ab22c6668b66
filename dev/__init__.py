"""Programs that `make` runs for the developers of goldpath; they are not shipped."""
