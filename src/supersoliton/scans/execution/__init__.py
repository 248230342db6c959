"""Where trials are evaluated: in this process, in workers, on a cluster, in batches on a device."""
