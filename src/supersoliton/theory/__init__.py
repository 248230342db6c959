"""Field theories: one Lagrangian per file, and one line here for each that has a name in configuration files."""

from .base import AbstractModel as AbstractModel
from .base import Column as Column
from .octave_higgs import OctaveHiggs as OctaveHiggs

# The first that is registered is the default of files.
# isort: split
from .density import Density as Density
from .potential import Potential as Potential
from .rotating import Rotating as Rotating
from .solitons.baby_skyrmion import BabySkyrmion as BabySkyrmion
from .solitons.chern_simons_vortex import ChernSimonsVortex as ChernSimonsVortex
from .solitons.dyon import Dyon as Dyon
from .solitons.gauged_q_ball import GaugedQBall as GaugedQBall
from .solitons.global_monopole import GlobalMonopole as GlobalMonopole
from .solitons.global_vortex import GlobalVortex as GlobalVortex
from .solitons.monopole import Monopole as Monopole
from .solitons.schroedinger_newton import SchroedingerNewton as SchroedingerNewton
from .solitons.skyrmion import Skyrmion as Skyrmion
from .solitons.sphaleron import Sphaleron as Sphaleron
from .solitons.vortex import Vortex as Vortex
