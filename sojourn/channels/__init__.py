"""One file per way out: send and receipts together."""
