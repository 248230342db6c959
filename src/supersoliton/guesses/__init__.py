"""Where the solver starts: analytic profiles, stored states, arrays."""

from .multistart import MultiStart as MultiStart
from .multistart import Start as Start
from .profiles import Exponential as Exponential
from .profiles import Gaussian as Gaussian
from .profiles import OriginalGuess as OriginalGuess
from .profiles import SuperGaussian as SuperGaussian
from .profiles import starting_fields as starting_fields
from .trained.warm_start import WarmStart as WarmStart
