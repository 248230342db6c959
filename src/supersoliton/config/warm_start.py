"""The settings of trained starts: the [warm_start] table of a configuration."""

from __future__ import annotations

from dataclasses import dataclass

from ..guesses.trained.warm_start import WarmStart


@dataclass(frozen=True)
class WarmStartSettings:
    """The use of starts trained over the scan's ranges of couplings:

    use          "auto", "network", "regression", "neighbour", "analytic" or "none", see :class:`WarmStart`
    checkpoint   the file; default runs/NAME/warm_start.npz, where NAME.toml is the configuration
    corrections  largest number of Newton steps within the branch's basis before those on the mesh

    and their training:

    points       number of points, in ranges a tenth wider than those of the scan, searched for states
    seeds        certified states kept for each branch; a branch with fewer is continued to other points
    basis        number of vectors of a branch's basis
    networks     branches that are lowest at less than this fraction of the points get no network
    width, depth   size of the network
    fresh        points solved within the basis only, as further training data for the network
    steps        number of steps of Adam, with a cosine schedule of the learning rate
    patience     rounds (a tenth of the steps each) without improvement after which training stops
    seed         seed of points and networks
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
