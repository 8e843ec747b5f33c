"""From a project folder to a strict model and a frozen book; every error has a position."""
