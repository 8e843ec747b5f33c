"""From a project folder to a version in force: stay, move or drain, with counts first."""
