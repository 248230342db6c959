"""Searches: one state, the lowest of many starts, bounces, excited states, self-consistent couplings."""
