"""What alerts need beyond rules: a memory between commands, acknowledgements, and somebody who is told."""
