"""The forwarder: from the spool to the primaries by SMTP (RFC 5321), each result durable before the next try."""
