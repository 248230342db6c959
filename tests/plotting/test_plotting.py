"""Pictures of states and modes: what is drawn agrees with the state, for one field and for many, in both themes."""

import re
import subprocess
import sys
from dataclasses import dataclass
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import supersoliton as ss
from supersoliton import plotting
from supersoliton.plotting.branch import plot_slopes


@pytest.fixture(scope="module")
def qball():
    """A Q-ball of two octaves on a coarse mesh."""
    model = ss.OctaveHiggs(
        n_octaves=2, m0_squared=0.5, g=0.6, quartic_sign=-1, delta=0.2, beta=0.15, lambda_1=0.05, lambda_2=0.01
    )
    grid = ss.RadialGrid(r_max=20.0, n_elements=6, order=10, dim=3)
    start = ss.Gaussian(amplitude=2.0, width=3.0, field=1)
    return ss.solve(ss.Problem(model, grid, boundary="vacuum", norm=600.0), guess=start)


def _tower(n):
    """n octaves near their vacuum: cheap, and it is only drawn."""
    model = ss.OctaveHiggs(n_octaves=n, m0_squared=0.5, g=0.6, lambda_1=0.03, lambda_2=0.005, g_yukawa=0.1)
    grid = ss.RadialGrid(r_max=20.0, n_elements=2, order=4, dim=3)
    vacuum = [0.0] * n + [np.sqrt(2.0)]  # named: it need not be searched for
    return ss.solve(ss.Problem(model, grid, boundary=vacuum), guess=ss.Gaussian(amplitude=0.1, width=3.0, field=0))


def test_state_figure_draws_the_fields(qball):
    figure = qball.plot(certificate=True)
    ax = figure.axes[0]
    lines = {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}
    assert list(lines) == ["$Ψ_{0}$", "$Ψ_{1}$", "$Φ$"]
    r, phi = lines["$Φ$"].get_data()
    np.testing.assert_allclose(phi, qball(r)[:, -1], atol=1e-12)
    assert ax.get_xlabel() == "r [1/mass]"
    assert ax.get_ylabel() == "field [mass]"
    title = ax.get_title(loc="left")
    omega, charge, energy = (f"{x.value:.{min(x.digits, 8)}g}" for x in qball.headline[:3])
    assert f"ω = {omega},  Q = {charge},  $E_Q$ = {energy}" in title
    assert f"E[f] = {qball.energy:.7g}" in figure.get_supxlabel()
    assert f"residual {qball.certificate.residual:.1e}" in figure.get_supxlabel()
    assert figure.get_supxlabel().startswith("certified")


def test_no_text_is_cut_off_or_lies_on_another(qball):
    """The certificate with the longest numbers it can have, and one that lists its failed checks."""
    from dataclasses import replace

    long = replace(qball.certificate, translation_mode=-8.4e-111, boundary_fraction=1.2e-111, negative_modes=137)
    faulty = replace(long, reasons=("residual 1.6e+00 above 1e-10", "energy uncertain by 1.4e+00: refine the mesh") * 3)
    for certificate in (qball.certificate, long, faulty):
        figure = replace(qball, certificate=certificate).plot(certificate=True)
        FigureCanvasAgg(figure).draw()
        whole = figure.bbox
        note = figure._supxlabel.get_window_extent()
        assert whole.x0 <= note.x0 < note.x1 <= whole.x1, figure.get_supxlabel()
        assert note.y1 < figure.axes[0].xaxis.label.get_window_extent().y0
        assert f"{certificate.boundary_fraction:.1e}" in figure.get_supxlabel()


def test_a_bounce_in_four_dimensions_has_an_action_and_a_field_of_dimension_one():
    cubic = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 - 0.5 * u[0] ** 3)
    state = ss.bounce(cubic, false_vacuum=[0.0], true_vacuum=[2.0], dim=4)
    ax = state.plot().axes[0]
    assert f"S = {state.action:.8g}" in ax.get_title(loc="left")
    assert ax.get_ylabel() == "field [mass]"


def test_a_density_has_units_of_its_own_and_the_energy_of_the_literature():
    """The axes name no unit; title, row and text give E and E over the unit, then what the theory measures."""
    state = ss.solve(ss.Problem(ss.Skyrmion(1.0)))
    ax = state.plot().axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("r", "fields")
    assert "E/(12 pi^2) = 1.4162235" in ax.get_title(loc="left")
    assert "E/(12 pi^2) = 1.4162234661" in repr(state)
    assert ("E / 12π²", "1.4162234661") in [(name, value[:12]) for name, value in state.table()]
    assert "<td style='text-align: left'>1.4162234661" in state._repr_html_()
    ball = ss.solve(ss.Problem(ss.GaugedQBall(0.7, 0.05)))
    symbols = [number.symbol for number in ball.headline]
    assert symbols == ["E[u]", "action", "charge", "energy"]


@pytest.mark.parametrize("n_octaves", [1, 2, 12, 63])
def test_one_and_many_fields(n_octaves, tmp_path):
    state = _tower(n_octaves)
    for theme in plotting.THEMES:
        figure = plotting.plot_state(state, theme_name=theme)
        named = [line for line in figure.axes[0].lines if not line.get_label().startswith("_")]
        assert len(named) <= plotting.MAX_LISTED_FIELDS + 2  # the largest, the Higgs field, one entry for all others
        assert plotting.save_figure(figure, tmp_path / f"{theme}.png").stat().st_size > 5_000


def test_a_picture_on_a_page_has_the_colours_of_the_page(tmp_path):
    """All of them: none stays that of the light page. The file keeps them, for other programs."""
    state = _tower(2)
    drawn = plotting.page_figure(plotting.plot_state(state), tmp_path / "a.svg", "profiles & more")
    assert "profiles &amp; more" in drawn
    assert "var(--paper)" in drawn
    assert "var(--kind-0)" in drawn
    assert not re.findall(r"#[0-9a-f]{6}\b", drawn)
    file = (tmp_path / "a.svg").read_text()
    assert "var(" not in file
    assert plotting.PALETTES["light"][0].lower() in file
    again = plotting.page_figure(plotting.plot_state(state), tmp_path / "b.svg", "")
    own = [set(re.findall(r'id="([mp][0-9a-f]{10})"', text)) for text in (drawn, again)]
    assert own[0]
    assert not own[0] & own[1]


def test_seven_fields_of_a_potential_have_seven_lines():
    """One more than there are colours, and none of them a Higgs field."""
    names = tuple("abcdefg")
    ax = Figure().add_subplot()
    r = np.linspace(0.0, 5.0, 20)
    with plotting.theme() as colours:
        plotting.draw_profiles(ax, r, np.exp(-np.outer(r, np.arange(1, 8))), names, dim=3, colours=colours)
    lines = [line for line in ax.lines if line.get_label() in names]
    assert [line.get_label() for line in lines] == list(names)
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 7


def test_modes_plot_themselves(qball):
    ax = ss.spectrum(qball, n_modes=10).plot().axes[0]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["ℓ = 0"]
    assert ax.get_ylabel() == "sign(λ)·√|λ| [mass]"


@dataclass(frozen=True)
class _Point:
    number: int
    kind: str
    objectives: tuple
    couplings: dict
    is_feasible: bool


@pytest.mark.parametrize("count", [0, 1, 5000])
@pytest.mark.parametrize("objectives", [("energy",), ("hierarchy", "energy"), ("a", "b", "c", "d")])
def test_a_study_of_any_size_is_drawn(count, objectives, tmp_path):
    rng = np.random.default_rng(0)
    kinds = [*plotting.KIND_MARKERS, "of another program"]
    trials = [
        _Point(n, kinds[n % len(kinds)], tuple(rng.random(len(objectives))), {"g": rng.random()}, n % 3 == 0)
        for n in range(count)
    ]
    best = [t for t in trials if t.is_feasible][:2]
    figure = plotting.plot_study(trials, best, objectives)
    assert plotting.save_figure(figure, tmp_path / "study.png").stat().st_size > 5_000


def test_study_axes_have_units_and_the_pareto_set_is_ringed():
    trials = [_Point(n, "q-ball", (float(n), 10.0 ** (3 * n)), {"g": 0.1 * n}, True) for n in range(3)]
    ax = plotting.plot_projections(trials, trials[-1:], ("hierarchy", "energy")).axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("hierarchy", "energy [mass]", "log")
    ringed = next(group for group in ax.collections if group.get_label() == "Pareto-optimal")
    np.testing.assert_allclose(ringed.get_offsets(), [[2.0, 1e6]])


def test_levels_keep_their_sign(qball):
    modes = [ss.spectrum(qball, n_modes=20, ell=ell) for ell in (0, 1)]
    ax = plotting.plot_modes(*modes).axes[0]
    drawn = [float(segment[0][1]) for lines in ax.collections for segment in lines.get_segments()]
    # At fixed norm the full operator has one negative mode at l = 0; the translation mode of l = 1 is at zero.
    assert min(drawn) == pytest.approx(-np.sqrt(-modes[0].eigenvalues[0]))
    assert any("1 negative" in text.get_text() for text in ax.texts)
    assert min(abs(x) for x in drawn) < 1e-3


@pytest.mark.parametrize(("count", "bands"), [(2, 0), (64, 1)])
def test_close_thresholds_are_a_band(count, bands):
    """64 octaves have 64 thresholds within a fifth of a mass: as lines they are a grey carpet."""
    thresholds = np.append(np.linspace(0.56, 0.69, count), 1.41)
    ax = Figure().add_subplot()
    with plotting.theme() as colours:
        plotting.draw_levels(ax, [("l = 0", np.array([0.0, 0.6]))], thresholds, colours)
    drawn = sorted({float(y) for group in ax.collections if group.get_linestyle()[0][1] for _, y in
                    np.concatenate(group.get_segments())})  # fmt: skip
    np.testing.assert_allclose(drawn, [0.56, 0.69, 1.41])
    assert len(ax.patches) == bands
    assert any(f"{count} thresholds" in text.get_text() for text in ax.texts) == bool(bands)


def test_drawing_leaves_no_trace(qball):
    before = dict(matplotlib.rcParams)
    qball.plot()
    assert dict(matplotlib.rcParams) == before


def test_pyplot_is_not_needed():
    code = "import sys, supersoliton.plotting; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_unknown_theme_is_named():
    with pytest.raises(ValueError, match=r"theme must be one of .*, got 'sepia'"), plotting.theme("sepia"):
        pass


@pytest.mark.parametrize(("dim", "unit"), [(1, ""), (2, " [mass$^{1/2}$]"), (3, " [mass]"), (4, " [mass$^{3/2}$]")])
def test_field_units(dim, unit):
    assert plotting.field_unit(dim) == unit


def test_slopes_are_drawn_as_tangents_of_one_length():
    """A parabola and its exact slopes: every stroke is centred on its point and has the slope."""
    x = np.linspace(-1.0, 1.0, 7)

    class Branch(SimpleNamespace):
        def __len__(self):
            return len(self.points)

    branch = Branch(
        parameter="beta", parameters=x, stable=np.arange(7) < 4, holds_norm=True, status="reached beta = 1",
        special=(SimpleNamespace(kind="fold", parameter=0.2),),
        points=[SimpleNamespace(stable=k < 4) for k in range(7)],
    )  # fmt: skip
    figure = plot_slopes(branch, {"E": (x**2, 2 * x)})
    ax = figure.axes[0]
    strokes = [line for line in ax.lines if len(line.get_xdata()) == 2 and line.get_linewidth() == 2.4]
    assert len(strokes) == 7
    for line, at in zip(strokes, x, strict=True):
        (a, b), (c, d) = line.get_xdata(), line.get_ydata()
        assert (a + b) / 2 == pytest.approx(at)
        assert (c + d) / 2 == pytest.approx(at**2)
        assert (d - c) / (b - a) == pytest.approx(2 * at, abs=1e-12)
        assert ((b - a) / np.ptp(x)) ** 2 + ((d - c) / np.ptp(x**2)) ** 2 == pytest.approx(0.044**2)
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == ["slope", "minimum at fixed norm", "saddle at fixed norm", "fold"]


def test_a_state_is_drawn_where_it_is_seen(qball):
    """As far as the fields differ from the vacuum; in axes of one's own; some of the fields."""
    r, u = np.linspace(0.0, 20.0, 4000), qball(np.linspace(0.0, 20.0, 4000))
    seen = r[np.any(np.abs(u - u[-1]) > 2e-3 * np.ptp(u, axis=0).max(), axis=1)].max()
    assert seen < qball.plot().axes[0].get_xlim()[1] < min(20.0, 1.3 * seen)
    assert qball.plot(r_max=20.0).axes[0].get_xlim() == (0.0, 20.0)
    mine = Figure().add_subplot()
    assert qball.plot(mine, fields=["phi"], title="mine") is mine.figure
    assert [line.get_label() for line in mine.lines if not line.get_label().startswith("_")] == ["$Φ$"]
    assert mine.get_title(loc="left") == "mine"
    with pytest.raises(ValueError, match="fields must be among psi_0, psi_1, phi, got 'chi'"):
        qball.plot(fields=["chi"])


def test_modes_of_several_angular_momenta_and_oscillations_are_columns(qball):
    modes = [ss.spectrum(qball, n_modes=6, ell=ell) for ell in (0, 1)]
    ax = ss.plot_modes(*modes).axes[0]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["ℓ = 0", "ℓ = 1"]
    with pytest.raises(ValueError, match="there are no modes"):
        ss.plot_modes()
    found = ss.oscillations(qball, n_modes=4)
    ax = found.plot().axes[0]
    drawn = np.concatenate([[s[0][1] for s in c.get_segments()] for c in ax.collections if hasattr(c, "get_segments")])
    assert np.all(np.isclose(found.frequencies.real[:, None], drawn).any(axis=1))


def test_states_are_compared_in_one_figure(qball):
    other = ss.solve(qball.problem.replace(norm=700.0))
    figure = ss.compare(qball, other, fields=["psi_1", "phi"], labels=["a", "b"])
    assert len(figure.axes) == 2
    for ax, i in zip(figure.axes, (1, 2), strict=True):
        for line, state in zip(ax.lines, (qball, other), strict=True):
            x, y = line.get_data()
            np.testing.assert_allclose(y, state(x)[:, i], atol=1e-12)
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["a", "b"]
    with pytest.raises(ValueError, match="2 states and 1 labels"):
        ss.compare(qball, other, labels=["a"])
    with pytest.raises(ValueError, match="fields must be among"):
        ss.compare(qball, fields=["chi"])


def test_a_branch_between_its_points_has_the_exact_slopes():
    """E_Q over Q of the gausson-like drop: the curve through few states meets a state that is not among them."""
    V = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 - 0.45 * u[0] ** 4 + u[0] ** 6 / 6)
    problem = ss.Problem(V, ss.RadialGrid(r_max=25.0, n_elements=8), norm=300.0)
    branch = ss.continuation(ss.solve(problem), "norm", 500.0)
    ax = branch.plot(x="charge", y="charged_energy").axes[0]
    curve = np.hstack([line.get_data() for line in ax.lines if len(line.get_xdata()) > 100])
    between = ss.rotation(ss.solve(problem.replace(norm=371.3)))
    at = np.interp(between.charge, *curve)
    assert at == pytest.approx(between.energy, rel=2e-6)
    straight = np.interp(between.charge, branch.values("charge"), branch.values("charged_energy"))
    assert abs(at - between.energy) < 0.2 * abs(straight - between.energy)
    with pytest.raises(ValueError, match="no column 'size'"):
        branch.plot(y="size")


def test_a_figure_shows_itself_in_a_notebook_and_in_a_script(tmp_path):
    """A kernel of its own runs a cell; a script finds the figure in pyplot, and `show` hands it over."""
    script = """
import matplotlib; matplotlib.use("Agg")
import supersoliton as ss
V = ss.Potential(lambda u, p: (u[0] ** 2 - 1) ** 2 / 4)
state = ss.solve(ss.Problem(V, ss.RadialGrid(r_max=15.0, dim=1), line=(-1.0, 1.0)))
figure = state.plot()
assert figure.canvas.manager is None
assert figure._repr_png_().startswith(b"\\x89PNG")
import warnings; warnings.simplefilter("ignore")  # Agg shows no window
figure.show()
from matplotlib import pyplot
assert pyplot.gcf() is figure
other = state.plot()
assert pyplot.get_fignums() == [1, 2] and pyplot.gcf() is other
_, ax = pyplot.subplots()
assert state.plot(ax) is ax.figure and len(pyplot.get_fignums()) == 3
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
