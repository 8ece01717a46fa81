"""The embedded backup MX's SMTP side: takes mail for configured domains, and answers 250 when it is on the disk."""
