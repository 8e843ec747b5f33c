"""Kafka at the edge: the way to the brokers, reading with positions in the store, topics and what goes out."""
