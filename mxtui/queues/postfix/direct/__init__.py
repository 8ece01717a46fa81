"""Messages out of a Postfix queue into our own hands, and out of them again: held, locked, journalled, marked.

    hold ─► lock ─► journal `begun` ─► content ─► journal `answered` ─► marks ─► delete, or release

Postfix never delivers from hold, and skips what is locked. At each step a kill leaves a message that the next run, or
Postfix itself, can judge: what was accepted is never sent again, and what nobody can know is shown.
"""
