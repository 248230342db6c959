"""Vortices, monopoles, sphalerons and Skyrmions over their couplings, and the tower of Schroedinger and Newton.

python examples/phase_diagrams.py [phase_diagrams.png]

vortices    E_n/n of n = 1 to 4 quanta of flux over lambda = m_H^2/m_A^2: all meet at lambda = 1, where E_n = pi n.
            Below (type I) the larger one costs less for each quantum: vortices attract. Above (type II) they repel.
monopole    its mass over beta = M_H/M_W, from that of Bogomolny, 1, to that without a Higgs field, 1.7866584.
sphaleron   its energy over lambda/g^2, from 1.5202 to 2.7062.
Skyrmion    its mass and radius over the pion mass, from 1.2314457 at m = 0.
tower       the eigenvalues of the Schroedinger-Newton system of norm 1 with 0, 1, 2, ... nodes.

The first four are followed from one state each by continuation. Both ends of the curves of monopole and sphaleron are
theories of their own here: the Higgs field is massless, or it is frozen at its value in the vacuum. References are in
docs/guides/solitons.md.
"""

import sys

import numpy as np

import supersoliton as ss

# R. Harrison, I. Moroz, K. P. Tod, Nonlinearity 16 (2003) 101, table 1, in a box.
TOWER = (-0.16276929132192, -0.03079656067054, -0.01252610801692, -0.00674732963038)


def follow(theory, parameter: str, stop: float) -> ss.Branch:
    """The branch from the state of a theory to another value of one of its couplings."""
    branch = ss.continuation(ss.solve(ss.Problem(theory), throw=True), parameter, stop, step=0.15, max_step=0.6)
    assert branch.reached, branch.status
    return branch


def monopole_without_higgs(u, du, r, p):
    """K alone, at h = 1."""
    return (du[0] ** 2 + u[0] ** 2 + 0.5 * (u[0] ** 2 - 1.0) ** 2 / r**2) / r**2


def sphaleron_without_higgs(u, du, r, p):
    """The gauge field alone, at h = 1."""
    return (4.0 * du[0] ** 2 + (1.0 - u[0]) ** 2 + 8.0 * (u[0] * (1.0 - u[0])) ** 2 / r**2) / r**2


def sphaleron_of_massless_higgs(u, du, r, p):
    """The sphaleron at lambda = 0."""
    (f, h), (df, dh) = u, du
    gauge = 4.0 * df**2 + (h * (1.0 - f)) ** 2 + 8.0 * (f * (1.0 - f)) ** 2 / r**2
    return gauge / r**2 + 0.5 * dh**2


def energy_of(density, inner: dict, outer: dict) -> float:
    """The energy over 4 pi of a density in space with these ends."""
    model = ss.Density(density, fields=tuple(inner), origin=inner, infinity=outer)
    return ss.solve(ss.Problem(model), throw=True).energy / (4.0 * np.pi)


def limits() -> tuple[tuple[float, float], tuple[float, float]]:
    """The lowest and the highest energy of the monopole and of the sphaleron."""
    bogomolny = ss.solve(ss.Problem(ss.Monopole(0.0)), throw=True).energy / (4.0 * np.pi)
    frozen = energy_of(monopole_without_higgs, {"K": 1.0}, {"K": 0.0})
    massless = energy_of(sphaleron_of_massless_higgs, {"f": 0.0, "h": 0.0}, {"f": 1.0, "h": 1.0})
    heavy = energy_of(sphaleron_without_higgs, {"f": 0.0}, {"f": 1.0})
    return (bogomolny, frozen), (massless, heavy)


def compare(vortices: list[ss.Branch], monopole: ss.Branch, sphaleron: ss.Branch, ends, skyrmion: ss.Branch) -> None:
    """Every curve against closed forms and published numbers."""
    for n, branch in enumerate(vortices, start=1):
        near = branch.state(int(np.argmin(np.abs(branch.parameters - 1.0))))
        critical = ss.solve(near.problem.replace(lam=1.0), near, throw=True)
        assert abs(critical.energy / (np.pi * n) - 1.0) < 1e-10
    first, last = ([branch.energies[k] / n for n, branch in enumerate(vortices, start=1)] for k in (0, -1))
    assert np.all(np.diff(first) < 0.0)  # type I
    assert np.all(np.diff(last) > 0.0)  # type II
    print("vortices: E_n/n meet at lambda = 1, E_n = pi n: agrees with Bogomolny")
    (bogomolny, frozen), (massless, heavy) = ends
    assert abs(bogomolny - 1.0) < 1e-11
    assert abs(frozen - 1.7866584) < 1e-7
    assert abs(massless - 1.5202) < 5e-5
    assert abs(heavy - 2.7062256951) < 1e-9
    for branch, low, high in ((monopole, bogomolny, frozen), (sphaleron, massless, heavy)):
        assert np.all(np.diff(branch.energies) > 0.0)
        assert low < branch.energies[0] / (4.0 * np.pi) < branch.energies[-1] / (4.0 * np.pi) < high
    print(f"monopole: {bogomolny:.10f} to {frozen:.7f}: agrees with Bogomolny, and with Kirkman and Zachos")
    print(f"sphaleron: {massless:.4f} to {heavy:.4f}: agrees with Klinkhamer and Manton")
    massive = skyrmion.state(-1)
    again = ss.solve(ss.Problem(ss.Skyrmion(2.0)), throw=True)
    free = ss.solve(ss.Problem(ss.Skyrmion(0.0)), throw=True).energy / (12.0 * np.pi**2)
    assert abs(free - 1.231445697432) < 1e-10
    assert abs(massive.energy / again.energy - 1.0) < 1e-8
    assert abs(massive.rms_radius / again.rms_radius - 1.0) < 2e-6
    print(f"Skyrmion: {free:.10f} without pion mass: agrees with the published mass")


def compare_tower(tower: list[ss.State]) -> None:
    for state, known in zip(tower, TOWER, strict=False):
        assert abs(state.observables["epsilon"] / known - 1.0) < 2e-6
    listed = ", ".join(f"{state.observables['epsilon']:.6f}" for state in tower)
    print(f"tower: {listed}: agrees with Harrison, Moroz and Tod")


def draw_tower(profiles, levels, tower: list[ss.State], colours, palette) -> None:
    r = np.linspace(0.0, tower[-1].grid.r_max, 2000)
    reach = 0.0
    for k, (state, colour) in enumerate(zip(tower, palette, strict=False)):
        wave = r * state(r)[:, 0] * np.sign(state(0.0)[0])
        reach = max(reach, float(r[np.abs(wave) > 5e-3 * np.abs(wave).max()][-1]))
        profiles.plot(r, wave, color=colour, label=f"{k} nodes")
    profiles.set(xlabel="r", ylabel="r ψ", title="Schrödinger-Newton states", xlim=(0.0, reach))
    profiles.legend()
    levels.semilogy([-state.observables["epsilon"] for state in tower], "o", color=palette[0], label="here")
    levels.semilogy([-value for value in TOWER], "x", color=colours["ink"], label="Harrison et al.")
    levels.set(xlabel="nodes", ylabel="-ε", title="Their eigenvalues", xticks=range(len(tower)))
    levels.legend()


def draw(
    vortices: list[ss.Branch], monopole: ss.Branch, sphaleron: ss.Branch, ends, skyrmion: ss.Branch, tower, path
) -> None:
    from matplotlib.figure import Figure

    from supersoliton.plotting import palette_of, theme

    with theme("light") as colours:
        figure = Figure(figsize=(9.6, 10.6), layout="constrained")
        (a, b), (c, d), (e, f) = figure.subplots(3, 2)
        palette = palette_of(colours)
        for n, (branch, colour) in enumerate(zip(vortices, palette, strict=False), start=1):
            a.plot(branch.parameters, branch.energies / (np.pi * n), ".-", color=colour, ms=4, label=f"n = {n}")
        a.axvline(1.0, color=colours["faint"], lw=0.9, ls="--")
        a.text(0.96, 0.03, "type I", ha="right", transform=a.get_xaxis_transform(), color=colours["faint"])
        a.text(1.04, 0.03, "type II", ha="left", transform=a.get_xaxis_transform(), color=colours["faint"])
        a.set(xlabel="λ = $m_H^2/m_A^2$", ylabel="$E_n$ / (π n)", title="Vortices of n quanta")
        a.legend()
        rows = ((b, monopole, ends[0], "β = $M_H/M_W$", "'t Hooft-Polyakov monopole", "$gE/4πv$"),
                (c, sphaleron, ends[1], "λ/$g^2$", "Sphaleron", "$gE/4πv$"))  # fmt: skip
        for ax, branch, (low, high), label, title, energy in rows:
            ax.semilogx(branch.parameters, branch.energies / (4.0 * np.pi), ".-", color=palette[0], ms=4)
            for value, words, x, side in (
                (low, "massless Higgs field", 0.98, "right"),
                (high, "no Higgs field", 0.02, "left"),
            ):
                ax.axhline(value, color=colours["faint"], lw=0.9, ls="--")
                place = {"xycoords": ("axes fraction", "data"), "xytext": (0, 3), "textcoords": "offset points"}
                ax.annotate(f"{words}: {value:.4f}", (x, value), ha=side, fontsize=8, color=colours["faint"], **place)
            ax.set(xlabel=label, ylabel=energy, title=title)
            ax.margins(y=0.12)
        radii = [state.rms_radius for state in skyrmion.states]
        d.plot(skyrmion.parameters, skyrmion.energies / (12.0 * np.pi**2), ".-", color=palette[0], ms=4)
        d.set(xlabel="pion mass m", title="Skyrmion, B = 1")
        d.set_ylabel("$E/12π^2$", color=palette[0])
        other = d.twinx()
        other.plot(skyrmion.parameters, radii, ".-", color=palette[1], ms=4)
        other.set_ylabel("$⟨r^2⟩^{1/2}$ of the energy", color=palette[1])
        other.spines["right"].set_visible(True)
        draw_tower(e, f, tower, colours, palette)
        figure.savefig(path, dpi=130)


def main() -> None:
    drawn = len(sys.argv) > 1  # over a wider range
    low, high = (0.4, 2.5) if drawn else (0.8, 1.3)
    vortices = [follow(ss.Vortex(n, low), "lam", high) for n in ((1, 2, 3, 4) if drawn else (1, 2))]
    monopole = follow(ss.Monopole(0.1), "beta", 10.0) if drawn else follow(ss.Monopole(1.0), "beta", 2.0)
    sphaleron = follow(ss.Sphaleron(0.03), "lam", 10.0) if drawn else follow(ss.Sphaleron(0.3), "lam", 1.0)
    tower = [ss.solve(ss.Problem(ss.SchroedingerNewton(nodes=k)), throw=True) for k in range(4 if drawn else 2)]
    skyrmion, ends = follow(ss.Skyrmion(0.25 if drawn else 1.3), "pion_mass", 2.0), limits()
    compare(vortices, monopole, sphaleron, ends, skyrmion)
    compare_tower(tower)
    if drawn:
        draw(vortices, monopole, sphaleron, ends, skyrmion, tower, sys.argv[1])


if __name__ == "__main__":
    main()
