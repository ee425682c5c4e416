"""What `--demo` adds: two members, a project, and a collection "This computer" over generated sample data."""
