"""Commands of `supersoliton` in processes of their own that need not import JAX again: 2 s of processor time each.

They are forked from one process that has imported what commands import, and has neither threads nor a device of JAX.
What depends on the start of the program (signals, how quick it is, what it imports) starts it anew instead.
"""

import multiprocessing
import os
import subprocess
import tempfile
from pathlib import Path

IMPORTED = ["supersoliton.cli.commands", "supersoliton.scans.report.page", "supersoliton.training.pretraining"]
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(IMPORTED)


def run(*arguments, cwd=None):
    """What `subprocess.run` returns of the command with its output as text."""
    words = [str(word) for word in arguments]
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("stdout", "stderr")]
        process = _processes.Process(target=_run, args=(words, cwd, dict(os.environ), files))
        process.start()
        process.join()
        return subprocess.CompletedProcess(words, process.exitcode, *(file.read_text() for file in files))


def _run(words, cwd, environment, files):
    import sys

    from supersoliton.cli import main

    for number, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environment)
    if cwd is not None:
        os.chdir(cwd)
    sys.argv = ["supersoliton", *words]
    main()
