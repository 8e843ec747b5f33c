"""Sojourn: customer journeys as code, for a regulated business that hosts its own systems."""

__version__ = "0.1.0"
