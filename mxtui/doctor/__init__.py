"""Is this backup MX set up right? Facts are gathered, each within a time of its own; pure rules make findings of them.
Nothing is changed, and no message is sent.

    gather/  facts from DNS, SMTP, HTTPS, Postfix, the spool, disks     ─►  facts  ─►  rules/  ─►  findings
"""
