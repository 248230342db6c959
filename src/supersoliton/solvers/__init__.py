"""Solvers: one file per method."""

from .base import AbstractSolver as AbstractSolver
from .base import Solution as Solution
from .newton import Newton as Newton
