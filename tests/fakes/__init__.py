"""Fakes of the outside. Each is kept honest by a suite in tests/contracts."""
