"""The electroweak transition of the Higgs field h and a singlet s with the symmetry s -> -s, at high temperature.

python examples/singlet.py

V = -(mu_h^2 - c_h T^2) h^2/2 - (mu_s^2 - c_s T^2) s^2/2 + l_h h^4/4 + l_s s^4/4 + l_hs h^2 s^2/4, with the leading
thermal masses c_h = (2 m_W^2 + m_Z^2 + 2 m_t^2)/(4 v^2) + l_h/2 + l_hs/24 and c_s = l_s/4 + l_hs/6. The barrier between
the phases with s and with h is there at tree level. In GeV; the mass of the singlet in the vacuum m_s and the couplings
l_hs, l_s are free. Both are equal at T_c^2 = (mu_h^2 sqrt(l_s) - mu_s^2 sqrt(l_h)) / (c_h sqrt(l_s) - c_s sqrt(l_h)).
`examples/singlet_scan.toml` scans this potential.

Reference: J. R. Espinosa, T. Konstandin, F. Riva, *Nucl. Phys. B* **854** (2012) 592.
"""

import math

import supersoliton as ss

VEV, HIGGS, TOP, W, Z = 246.22, 125.25, 172.7, 80.38, 91.19
QUARTIC = 0.5 * (HIGGS / VEV) ** 2


def masses(p):
    """mu_h^2, mu_s^2, c_h and c_s."""
    heat = (2.0 * W**2 + Z**2 + 2.0 * TOP**2) / (4.0 * VEV**2) + 0.5 * QUARTIC + p["l_hs"] / 24.0
    return QUARTIC * VEV**2, 0.5 * p["l_hs"] * VEV**2 - p["m_s"] ** 2, heat, 0.25 * p["l_s"] + p["l_hs"] / 6.0


def potential(u, p):
    h2, s2 = u[0] ** 2, u[1] ** 2
    mu_h, mu_s, c_h, c_s = masses(p)
    quadratic = (c_h * p["T"] ** 2 - mu_h) * h2 + (c_s * p["T"] ** 2 - mu_s) * s2
    return 0.5 * quadratic + 0.25 * (QUARTIC * h2**2 + p["l_s"] * s2**2 + p["l_hs"] * h2 * s2)


def main() -> None:
    couplings = {"T": 100.0, "m_s": 100.0, "l_hs": 0.8, "l_s": 0.9}
    phases = ss.phases(ss.Potential(potential, fields=("h", "s"), params=couplings), start=0.0, stop=300.0)
    print(phases)
    (one,) = (transition for transition in phases.transitions if transition.order == 1)
    mu_h, mu_s, c_h, c_s = masses(couplings)
    root_h, root_s = math.sqrt(QUARTIC), math.sqrt(couplings["l_s"])
    critical = math.sqrt((mu_h * root_s - mu_s * root_h) / (c_h * root_s - c_s * root_h))
    assert abs(one.critical / critical - 1.0) < 1e-10
    found = ss.nucleation(one)
    print(found)
    print(found.quantum.words)
    print(f"T_c = {one.critical:.8g} agrees with {critical:.8g} in closed form")


if __name__ == "__main__":
    main()
