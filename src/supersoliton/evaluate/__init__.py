"""One trial: couplings in; state, certificate, spectrum and scores out."""

from .evaluation import Evaluation as Evaluation
from .evaluation import evaluate as evaluate
