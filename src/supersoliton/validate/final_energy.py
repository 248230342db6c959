"""Claim: the descent converges to a soliton of energy 4.28e-1."""

from __future__ import annotations

from .claim import FAILS, Claim
from .gradient_norm import solved
from .original import Original, descended


def check(points: int = 800) -> Claim:
    wrong, right, state = descended(points), descended(points, consistent=True), solved()
    first = Original(points).energy(Original(points).start())
    return Claim(
        name="final_energy",
        title="The final energy 4.28e-1",
        claimed="the descent converges to a soliton of energy 4.28e-1",
        found=f"{wrong.energy:.6e} where the script's descent stops; from the same start this program finds the "
        f"{state.certificate.kind}, E = {state.energy:.0e} ({right.energy:.0e} on the script's points)",
        verdict=FAILS,
        reason="the number is the energy of an unfinished descent; the completed descent reaches the vacuum, whose "
        "energy is 0.",
        numbers={
            "energy": wrong.energy,
            "energy_at_start": first,
            "energy_consistent": right.energy,
            "energy_solved": state.energy,
            "kind": state.certificate.kind,
            "negative_modes": state.certificate.negative_modes,
        },
        notes=(
            "The notes on the script give 4.279675e-01 for this point; the trapezoidal sum used here gives "
            f"{wrong.energy:.6e}, lower by one part in 80,000. Their gradient norm agrees to all seven digits. How the "
            "script summed its energy is not recorded.",
            "Every localised static state of these fields is a saddle (see stability): no descent ends at one.",
        ),
    )
