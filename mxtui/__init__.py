"""mxtui: the operator's console for backup mail servers."""

__version__ = "0.1.0"
