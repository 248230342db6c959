"""The command line: `supersoliton COMMAND FILE`. Parse, call one function, print."""

from ..machine.signals import Command


def main() -> None:
    """Run a command. Signals are answered before anything that takes time is imported."""
    with Command():
        from .commands import main as run

        run()
