"""The drain: which message goes next, how many at once, and when to stop. Pure rules; no I/O, no clock."""
