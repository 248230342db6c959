"""Evaluations that were made before: kept exactly, found in a millisecond, never believed when damaged.

`keys` says what an evaluation depends on, `entry` is one evaluation as bytes, `store` keeps entries in a folder that
many processes share, `evaluation` puts `evaluate` in front of it. Only the last one needs the engine.
"""

from .store import Store as Store
