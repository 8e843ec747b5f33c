"""The one place that reads clocks, settings and files, builds real things and joins them."""
