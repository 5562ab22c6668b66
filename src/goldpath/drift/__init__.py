"""What an update of a repository would change, and where the repository left its template."""
