"""Scores of a mass spectrum, one in a file each; :mod:`.registry` lists them."""

from .score import Score as Score
