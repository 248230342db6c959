"""Finding states: one, the lowest of many starts, bounces, excited states, self-consistent couplings."""
