"""The cases to render: all pairs of choices, edge cases of free text, answers files."""
