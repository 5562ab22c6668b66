"""Rendering a template with Copier, within bounds, each case once."""
