"""Globus Transfer, locally: collections, access rules, file operations, tasks.

Who may do what where: `endpoints` (collections), `rules`, `roles`. Files: `paths` (text and bytes), `tree`
(the only module that opens what lies in a collection), `files` and `listing` (answered at once). Tasks:
`submissions` stores one, `engine` chooses, `running` works, item by item: `transferring`, `copying`,
`deleting`, asking `guard` before each step and telling `ledger` what came of it. `tasks` is what owners see,
`manager` what managers of a collection see, `documents` how both look as JSON. `routes/` speaks HTTP (v0.10);
all else is plain Python that the web app uses too. Who is calling is decided in `globus_local.auth`.
"""
