"""Field theories: one Lagrangian per file, and one line here for each that has a name in configuration files."""

from .base import AbstractModel as AbstractModel
from .base import Column as Column
from .octave_higgs import OctaveHiggs as OctaveHiggs
from .potential import Potential as Potential
from .rotating import Rotating as Rotating
