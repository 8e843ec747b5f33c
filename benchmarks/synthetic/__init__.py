"""One year of an invented insurer: people, premiums and what else happens to them (rates W1-W17)."""
