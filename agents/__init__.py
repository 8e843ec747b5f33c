"""What consumes Kafka: thin Faust agents without a business rule, under `sojourn worker`.

`intake` takes the batches of the hot topics, `control` what operators tell all workers. What providers tell later
about a message is an event like others (`message.status`), so it needs no agent of its own. The agents decide
nothing; the engine that they call is the one that embedded mode runs. This folder is loaded from the project folder,
as `faust -A agents.app` does, and never installed as a top-level package, because another distribution installs one
of this name.
"""
