"""Families of states: branches, derivatives, rotation."""
