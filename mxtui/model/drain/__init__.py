"""The drain: which message goes next, how many at once, and when to stop. Pure rules; no I/O, no clock.

`machine.Drain` is all of it, `feeding.DrainFeed` what a way sees of it (`way.Feed`), `report` what is kept.
"""
