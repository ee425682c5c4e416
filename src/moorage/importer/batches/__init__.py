"""What is done in a process of the pool: files are read, digested and placed, some at a time. No database."""
