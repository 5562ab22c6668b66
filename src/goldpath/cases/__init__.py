"""Which answers to try: all pairs of choices, odd free text, answers files."""
