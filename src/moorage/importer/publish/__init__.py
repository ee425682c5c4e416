"""Publish: under the right to register, a revision becomes the project's newest; what follows: problems, clearing."""
