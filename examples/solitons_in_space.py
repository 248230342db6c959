"""A vortex, a baby Skyrmion and a Skyrmion as fields of space, with their energy and topological charge on a lattice.

python examples/solitons_in_space.py [solitons_in_space.png]

``state.on_grid(x, y)`` gives the fields of the ansatz at Cartesian points, from which a lattice code can start. Here
differences of second order on two lattices give the flux and the energy of a vortex of two quanta, and the sum of the
solid angles of the triangles the degree of a baby Skyrmion, which is an integer on any lattice that resolves it
(B. Berg, M. Luescher, *Nucl. Phys. B* **190** (1981) 412).
"""

import sys

import numpy as np

import supersoliton as ss


def vortex_on_lattice(state: ss.State, spacing: float, half: float = 12.0) -> tuple[float, float]:
    """Energy and flux over 2 pi, the covariant differences being along links."""
    axis = np.arange(-half, half + 0.5 * spacing, spacing)
    middle = axis[:-1] + 0.5 * spacing
    scalar = state.on_grid(axis[:, None], axis[None, :])["higgs"] @ np.array([1.0, 1j])
    ax = state.on_grid(middle[:, None], axis[None, :])["A"][..., 0]
    ay = state.on_grid(axis[:, None], middle[None, :])["A"][..., 1]
    along_x = (scalar[1:] * np.exp(-1j * spacing * ax) - scalar[:-1]) / spacing
    along_y = (scalar[:, 1:] * np.exp(-1j * spacing * ay) - scalar[:, :-1]) / spacing
    field = (np.diff(ay, axis=0) - np.diff(ax, axis=1)) / spacing
    lam = state.problem.model.lam
    energy = np.sum(np.abs(along_x) ** 2) + np.sum(np.abs(along_y) ** 2) + np.sum(field**2)
    energy += 0.25 * lam * np.sum((1.0 - np.abs(scalar) ** 2) ** 2)
    return float(0.5 * energy * spacing**2), float(np.sum(field) * spacing**2 / (2.0 * np.pi))


def degree(n: np.ndarray) -> float:
    """The degree of unit vectors on a lattice, (x, y, 3), from the solid angles of its triangles."""

    def area(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
        volume = np.sum(a * np.cross(b, c), -1)
        rest = 1.0 + np.sum(a * b, -1) + np.sum(b * c, -1) + np.sum(c * a, -1)
        return float(np.sum(2.0 * np.arctan2(volume, rest)))

    a, b, c, d = n[:-1, :-1], n[1:, :-1], n[1:, 1:], n[:-1, 1:]
    return (area(a, b, c) + area(a, c, d)) / (4.0 * np.pi)


def draw(vortex: ss.State, baby: ss.State, skyrmion: ss.State, path: str) -> None:
    from matplotlib.figure import Figure

    from supersoliton.plotting import theme

    with theme("light") as colours:
        figure = Figure(figsize=(12.0, 3.7), layout="constrained")
        for ax, state, title, half in zip(
            figure.subplots(1, 3),
            (vortex, baby, skyrmion),
            ("Vortex, n = 2: scalar", "Baby Skyrmion: n", "Skyrmion, z = 0: pion field"),
            (6.0, 6.0, 2.5),
            strict=True,
        ):
            fine, coarse = np.linspace(-half, half, 201), np.linspace(-0.95 * half, 0.95 * half, 17)
            e = state.energy_density(np.hypot(fine[:, None], fine))
            shown = ax.pcolormesh(fine, fine, e, cmap="Blues", shading="gouraud", vmin=0.0, vmax=1.7 * e.max())
            figure.colorbar(shown, ax=ax, label="energy density", shrink=0.9).ax.set_ylim(0.0, e.max())
            x, y = np.meshgrid(coarse, coarse, indexing="ij")
            fields = state.on_grid(x, y, np.zeros_like(x)) if state.grid.dim == 3 else state.on_grid(x, y)
            arrows = next(fields[name] for name in ("higgs", "n", "pi") if name in fields)
            ax.quiver(x, y, arrows[..., 0], arrows[..., 1], color=colours["ink"], pivot="mid", scale=19.0, width=0.006)
            ax.set(xlabel="x", ylabel="y", title=title, aspect="equal")
        figure.savefig(path, dpi=110)


def main() -> None:
    vortex = ss.solve(ss.Problem(ss.Vortex(winding=2, lam=0.5)), throw=True)
    coarse, fine = (vortex_on_lattice(vortex, spacing) for spacing in (0.4, 0.2))
    energy = fine[0] + (fine[0] - coarse[0]) / 3.0  # without the error of second order
    assert abs(energy / vortex.energy - 1.0) < 2e-4
    assert abs(fine[1] - 2.0) < 1e-4
    print(
        f"vortex: E = {energy:.4f} and flux {fine[1]:.5f} on the lattice: agrees with E = {vortex.energy:.4f} and n = 2"
    )
    baby = ss.solve(ss.Problem(ss.BabySkyrmion(winding=2, mu_squared=0.1)), throw=True)
    axis = np.linspace(-40.0, 40.0, 200)
    found = degree(baby.on_grid(axis[:, None], axis[None, :])["n"])
    assert abs(abs(found) - 2.0) < 1e-4
    print(f"baby Skyrmion: degree {abs(found):.6f} on the lattice: agrees with n = 2")
    if len(sys.argv) > 1:
        draw(vortex, baby, ss.solve(ss.Problem(ss.Skyrmion(1.0)), throw=True), sys.argv[1])


if __name__ == "__main__":
    main()
