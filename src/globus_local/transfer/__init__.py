"""Globus Transfer, locally: collections, access rules, file operations, tasks.

`routes/` speaks the HTTP API (v0.10); everything else here is plain Python that the web app
uses too. Who is calling is decided in `globus_local.auth`.
"""
