"""What a project's own tests use: shipped fakes, a virtual clock, given/when/then."""
