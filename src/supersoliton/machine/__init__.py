"""Access to the machine: JAX, devices, threads, batches, folders, files."""
