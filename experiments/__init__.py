"""The study of chapter "Trade-offs": what accuracy costs, with and without separable layers.

`PROTOCOL.md` says what is compared and how, and was written before the first run. `python -m
experiments run` makes the table in `results/`; the book reads that table and trains nothing of it.
This package is not part of dsconv's wheel.
"""
