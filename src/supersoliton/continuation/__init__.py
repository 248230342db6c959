"""Branches of states: pseudo-arclength continuation in the norm, the frequency or a coupling."""

from .branch import Branch as Branch
from .branch import BranchPoint as BranchPoint
from .branch import SpecialPoint as SpecialPoint
from .trace import continuation as continuation
