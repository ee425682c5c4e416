"""Uploads as members see them: states, rules, the freeze, discarding, and access grants."""
