"""Where the solver starts: analytic profiles, stored states, arrays."""

from .analytic import Exponential as Exponential
from .analytic import Gaussian as Gaussian
from .analytic import OriginalGuess as OriginalGuess
from .analytic import SuperGaussian as SuperGaussian
from .analytic import starting_fields as starting_fields
from .multistart import MultiStart as MultiStart
from .multistart import Start as Start
from .trained import WarmStart as WarmStart
