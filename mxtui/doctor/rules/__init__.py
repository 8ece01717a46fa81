"""Facts to findings, one family a file. Pure: the same facts give the same findings."""
