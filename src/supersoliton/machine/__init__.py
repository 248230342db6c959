"""What the program needs of the machine: JAX, devices, threads, batches, folders, files."""
