"""goldpath: render, check and keep in step service repositories made from a Copier template."""
