"""Generators of data sets, peers that do the same job, our own runs: prints times and ratios.

One module for one benchmark, with a docstring whose first line says what it measures and a `main()`.
"""
