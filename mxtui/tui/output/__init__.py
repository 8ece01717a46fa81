"""What goes to the terminal: only what differs from what it shows, and no faster than it takes that.

Textual ─ frames ─► screenful (wanted) ─ differences ─► sender ─► terminal
                         ▲ shown                          └ pace ◄─ its answers
"""
