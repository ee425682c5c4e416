"""Globus Downloads: what a member asks for, the tree of links that it is served from, and when both go.

A `Download` is a member's; a `DownloadTree` is of a project, a revision and a selection, and serves every download of
them. `asking` makes both, `building` fills a tree, `access` says who may read it, `ending` and `leaving` take it away.
"""
