"""Settings, URLs, WSGI, the command, and wiring.py: the one place that chooses implementations."""
