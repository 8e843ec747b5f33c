"""From the YAML and Python of a project folder to a strict model and a frozen book, with positions in every error."""
