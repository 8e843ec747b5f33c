"""What Sojourn costs: a synthetic year of an insurer, and benchmarks to run on it (docs/explanation/speed.md)."""
