"""Field theories: one Lagrangian per file. A new one is a file, and a line here if files may name it by a word."""

from .base import AbstractModel as AbstractModel
from .base import Column as Column
from .octave_higgs import OctaveHiggs as OctaveHiggs
from .potential import Potential as Potential
from .rotating import Rotating as Rotating
