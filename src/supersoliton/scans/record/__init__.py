"""What a scan writes: the study, the table of trials, the states of the Pareto set, the heartbeat."""
