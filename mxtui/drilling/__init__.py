"""Drills: a marked message goes through the backup as a stranger's would, and is followed to its verdict."""
