"""Solvers: one file per method."""

from .base import AbstractSolver as AbstractSolver
from .base import Solution as Solution
from .gradient_flow import GradientFlow as GradientFlow
from .lbfgs import LBFGS as LBFGS
from .newton import Newton as Newton
