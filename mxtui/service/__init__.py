"""The embedded backup MX as one process: receiver, forwarder, prober and control socket on a spool."""
