"""Write: what batches bring back becomes rows of objects and entries, with bulk statements of each database."""
