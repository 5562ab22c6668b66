"""A template: its copier.yml, its files, its Jinja syntax."""
