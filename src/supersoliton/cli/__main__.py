"""`python -m supersoliton.cli`, if the command `supersoliton` is not on the path."""

from . import main

main()
