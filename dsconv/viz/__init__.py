"""Figures of layers, drawn from their specs."""
