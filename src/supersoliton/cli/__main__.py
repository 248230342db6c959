"""`python -m supersoliton.cli`, where the command itself is not on the path."""

from .commands import main

main()
