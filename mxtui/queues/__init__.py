"""What a queue is, and the kinds of it."""
