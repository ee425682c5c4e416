"""Publish: problems; then, under the right to register, a revision becomes the newest; what follows: clearing."""
