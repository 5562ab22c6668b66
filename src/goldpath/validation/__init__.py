"""From a template to a report."""
