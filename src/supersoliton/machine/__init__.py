"""Access to the machine: JAX, devices, threads, folders, files."""
