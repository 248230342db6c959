"""Phases at finite temperature, the transitions between them, and the potentials they follow from."""

from . import thermal as thermal
