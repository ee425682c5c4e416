"""Moorage, the server: brings very large research data sets into shared projects."""
