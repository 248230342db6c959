"""Where trials are evaluated: in this process, in workers, on a cluster."""
