"""Update a repository from its template, so that no edit is lost."""
