"""The settings of trained starts: the [warm_start] table of a configuration."""

from __future__ import annotations

from dataclasses import dataclass

from ..guesses.trained.warm_start import WarmStart


@dataclass(frozen=True)
class WarmStartSettings:
    """The [warm_start] table: starts trained over the scan's ranges, their use and their training.

    Parameters
    ----------
    use : str, default "auto"
        ``"auto"``, ``"network"``, ``"regression"``, ``"neighbour"``, ``"analytic"`` or ``"none"``.
    checkpoint : str, default ""
        The file; ``runs/NAME/warm_start.npz`` if not given, where ``NAME.toml`` is the configuration.
    corrections : int, default 4
        Largest number of Newton steps within the branch's basis before those on the mesh.
    points : int, default 256
        Training: number of points, in ranges a tenth wider than those of the scan, searched for states.
    seeds : int, default 32
        Training: certified states kept for each branch; a branch with fewer is continued to other points.
    basis : int, default 64
        Training: number of vectors of a branch's basis.
    networks : float, default 0.01
        Training: branches that are lowest at less than this fraction of the points get no network.
    width : int, default 128
        Training: width of the network.
    depth : int, default 3
        Training: number of its hidden layers.
    fresh : int, default 1024
        Training: points solved within the basis only, as further data for the network.
    steps : int, default 4000
        Training: number of steps of Adam, with a cosine schedule of the learning rate.
    patience : int, default 4
        Training: rounds, a tenth of the steps each, without improvement after which it stops.
    seed : int, default 0
        Training: seed of points and networks.
    """

    use: str = "auto"
    checkpoint: str = ""
    corrections: int = 4
    # training
    points: int = 256
    seeds: int = 32
    basis: int = 64
    networks: float = 0.01
    width: int = 128
    depth: int = 3
    fresh: int = 1024
    steps: int = 4000
    patience: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        WarmStart(checkpoint=self.checkpoint, use=self.use, corrections=self.corrections)
        least = {"points": 1, "seeds": 4, "basis": 2, "width": 1, "depth": 1, "fresh": 1, "steps": 0, "patience": 1}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise ValueError(
                    f"warm_start.{name} must be at least {low}, got {getattr(self, name)}: try {_DEFAULTS[name]}."
                )
        if not 0.0 <= self.networks <= 1.0:
            raise ValueError(f"warm_start.networks must lie between 0 and 1, got {self.networks!r}: try 0.01.")
        if self.seed < 0:
            raise ValueError(f"warm_start.seed must be 0 or more, got {self.seed}: try 0.")


_DEFAULTS = {name: field.default for name, field in WarmStartSettings.__dataclass_fields__.items()}
