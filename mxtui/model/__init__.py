"""Values and rules: no I/O, no clock of its own, standard library only. Times are float seconds since the epoch."""
