"""The command line: `supersoliton COMMAND FILE`. Parse, call one function, print."""

from .commands import app as app
from .commands import main as main
