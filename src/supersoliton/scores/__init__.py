"""Scores of a mass spectrum, one per file; :mod:`.registry` lists them."""

from .score import Score as Score
