"""From a ready send to a recorded outcome: claim, send, settle."""
