"""Torch parts that the other rooms compute with."""
