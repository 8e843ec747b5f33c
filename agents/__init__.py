"""What consumes Kafka, once Sojourn runs on it: thin Faust agents without a business rule.

Three will stand here, each about forty lines: `intake` (hot topics, read in batches, given to `sojourn.intake`),
`receipts` (what providers tell later about a message) and `control` (publications and waivers). They decide
nothing; the engine that they call is the one that embedded mode runs. Until then `sojourn run` takes events over
HTTP and from files, and nothing imports this folder. It is loaded from the project folder, as `faust -A` does, and
never installed as a top-level package, because another distribution installs one of this name.
"""
