"""Django's SQLite backend, with more patience."""
