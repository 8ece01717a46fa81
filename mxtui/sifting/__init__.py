"""Sifting: what each queued message is like, which of them belong together, and how likely those are spam."""
