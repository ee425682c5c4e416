"""Staged files become project files: scan, plan, digest, place, register, publish."""
