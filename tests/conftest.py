"""What every test may ask for. Fixtures of one kind of test stand in that folder's conftest.py."""

from __future__ import annotations

pytest_plugins = ["browser", "globus_cli", "postgres"]
