"""A queue on another host, through the operator's own OpenSSH: `mxtui agent` there, and what talks to it here."""
