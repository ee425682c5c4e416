"""Plan: what was staged is listed and judged against the project. `judging` is pure; the others ask for it."""
