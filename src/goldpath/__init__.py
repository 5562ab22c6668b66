"""goldpath: render and check service repositories that are generated from a Copier template."""
