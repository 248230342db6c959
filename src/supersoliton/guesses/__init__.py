"""Starting guesses: analytic profiles, many starts, stored states, arrays and trained models."""

from .guess import starting_fields as starting_fields
from .multistart import MultiStart as MultiStart
from .multistart import Start as Start
from .profiles import Exponential as Exponential
from .profiles import Gaussian as Gaussian
from .profiles import OriginalGuess as OriginalGuess
from .profiles import SuperGaussian as SuperGaussian
from .trained.warm_start import WarmStart as WarmStart
