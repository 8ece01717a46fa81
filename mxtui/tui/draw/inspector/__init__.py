"""One message laid open, pane by pane."""
