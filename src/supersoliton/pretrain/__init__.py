"""Pre-training: trained starts over a scan's box of couplings, and what they are worth."""

from .run import Stage as Stage
from .run import pretrain as pretrain
from .workers import LostWorker as LostWorker
