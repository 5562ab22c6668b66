"""Running programs and other work: processes, limits, cache, pinned tools."""
