"""From a published template and a context to the text of a message; strict, bounded, sandboxed."""
