"""Field theories: one Lagrangian per file."""

from .base import AbstractModel as AbstractModel
from .octave_higgs import OctaveHiggs as OctaveHiggs
from .potential import Potential as Potential
from .rotating import Rotating as Rotating
