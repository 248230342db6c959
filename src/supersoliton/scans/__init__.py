"""Scans: ask the sampler, evaluate, record, resume. `loop.run_scan` is the loop."""
