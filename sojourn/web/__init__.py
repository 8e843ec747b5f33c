"""The console, the local inboxes and the HTTP intake."""
