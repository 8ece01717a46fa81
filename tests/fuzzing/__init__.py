"""Coverage-guided fuzzing, for a bounded time and on request: `make fuzz`."""
