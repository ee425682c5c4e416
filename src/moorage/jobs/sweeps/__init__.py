"""One module for each sweep: what is taken on without a person. `plans` lists them all."""
