"""From bytes to stored and decided events: decode, deduplicate, order, dead letters."""
