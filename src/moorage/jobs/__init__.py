"""What runs without a person: the worker loop, imports, sweeps."""
