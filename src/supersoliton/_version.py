"""The version of this package: the only place where it is written, but for CITATION.cff (a test compares)."""

__version__ = "0.2.0"
