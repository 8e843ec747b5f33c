"""The pure core: model, decide, steps, guards, calendar, conditions; no clock, no random, no I/O."""
