"""HTTPS access to a collection's files: `/collections-data/<collection id>/<path>`."""
