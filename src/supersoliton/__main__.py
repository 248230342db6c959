"""`python -m supersoliton`, if the command `supersoliton` is not on the path."""

from .cli import main

main()
