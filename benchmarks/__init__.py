"""Benchmarks: the tables of the papers, and runs beside other libraries."""
