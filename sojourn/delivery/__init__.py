"""The way out: claim what may go, hand it to a channel outside any transaction, settle what became of it."""
