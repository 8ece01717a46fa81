"""Postfix's queue delivered by our own sender: also where Postfix is stopped, or its route is wrong.

feed ─► custody (held, locked) ─► lane (a connection to a host) ─► session (a transaction) ─► ending (journal, marks)
"""
