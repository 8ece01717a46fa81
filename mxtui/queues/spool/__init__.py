"""Our own durable spool of mail (SPOOL.md describes the format)."""
