"""Rendering of a template with Copier, within limits, each case once."""
