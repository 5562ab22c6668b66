"""What a template says: its copier.yml, its files, its Jinja."""
