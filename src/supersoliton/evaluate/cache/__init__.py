"""The cache of evaluations: bit for bit, read in a millisecond, verified by checksum when read.

`keys`: the key of an evaluation, from all that it depends on. `entry`: one evaluation as bytes. `store`: a folder of
entries shared by many processes. `memory`: `evaluate` with the cache. Only the last one needs JAX, and only to compute.
"""

from .store import Store as Store
