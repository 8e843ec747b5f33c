"""One small file a provider: how a message leaves the house, and what the provider's words mean."""
