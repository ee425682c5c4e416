"""Ignore rules: their patterns, and which files they leave out."""
