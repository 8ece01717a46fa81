"""Judging mail: signals of our own, who may send for a domain, and scanners that others keep."""
