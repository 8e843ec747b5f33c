"""What Sojourn costs: a synthetic year of an insurer, and benchmarks that anyone can run (docs/explanation/speed.md)."""
