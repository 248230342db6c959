"""The report of real small scans: it says what the record holds, in words, and needs nothing but itself."""

import copy
import html
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import optuna
import pytest

from supersoliton.config import loads
from supersoliton.scans.job import scan
from supersoliton.scans.loop import read_result
from supersoliton.scans.record import storage
from supersoliton.scans.record.digests import digest_of_trial
from supersoliton.scans.report import analysis, layout, linked, records, summary, write_report

SMALL = {
    "model": {"n_octaves": 2, "m0_squared": 0.5, "g": 0.6, "quartic_sign": -1, "lambda_1": 0.05, "lambda_2": 0.01},
    "grid": {"r_max": 20.0, "n_elements": 6, "order": 10},
    "spectrum": {"n_modes": 40},
    "scan": {
        "trials": 4,
        "workers": 1,
        "sampler": "random",
        "objectives": ["fractal_score", "hierarchy", "regularity"],
        "parameters": {"g": [0.6, 0.8], "norm": {"low": 500, "high": 2000, "log": True}},
    },
}
REPULSIVE = {
    "model": {**SMALL["model"], "quartic_sign": 1, "g": 0.1},
    "grid": SMALL["grid"],
    "spectrum": SMALL["spectrum"],
    "scan": {**SMALL["scan"], "trials": 2, "parameters": {"g": [0.05, 0.2]}},
}


class _Page(HTMLParser):
    """Headings, the addresses a browser would fetch, and unclosed elements."""

    VOID = ("meta", "img", "source", "br", "wbr", "link", "input")

    def __init__(self, text):
        super().__init__()
        self.headings, self.fetched, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.fetched += [attrs[name] for name in ("src", "srcset") if attrs.get(name)]
        self.fetched += [attrs["href"]] if tag == "link" else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


def _read(path):
    text = path.read_text(encoding="utf-8")
    page = _Page(text)
    assert not page.open
    assert all(address.startswith("data:image/png;base64,") for address in page.fetched), "the page must work offline"
    return text, page


def _words(text):
    """The page as a reader sees it, without scripts and styles."""
    text = re.sub(r"<(script|style).*?</\1>", "", text, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


@pytest.fixture(scope="module")
def qballs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scan") / "qballs"
    scan(loads(SMALL), out=folder, quiet=True)
    return folder


def test_page_tells_what_the_record_holds(qballs):
    text, page = _read(write_report(qballs))
    record = records.read_record(qballs)
    assert page.headings[:3] == ["Summary", "Trials", "Results over couplings"]
    words = _words(text)
    assert "4 trials finished, none failed" in words
    assert f"{sum(t.is_soliton for t in record.trials)} of 4 are solitons" in words
    assert f"{len(record.pareto)} of these" in words
    stable = sum(trial.value("classically_stable") == 1 for trial in record.trials if trial.kind == "q-ball")
    assert f"{stable} {'is' if stable == 1 else 'are'} classically stable" in words
    assert "supersoliton scan" in words
    assert "data-view='cube'" in text
    for trial in record.pareto:
        assert f"{trial.objectives[0]:.4g}" in words
    names = {path.name for path in (qballs / "report").iterdir()}
    best = f"trial_{record.pareto[0].number:05d}"
    assert {"pareto.svg", f"{best}.svg", f"{best}_spectrum.svg"} <= names


def test_pareto_set_is_optunas(qballs):
    record = records.read_record(qballs)
    best = {t.number for t in record.study.best_trials}
    assert {trial.number for trial in record.pareto} == best
    assert record.objectives == ("fractal_score", "hierarchy", "regularity")
    assert record.parameters == ("g", "norm")


@pytest.mark.parametrize("objectives", [["hierarchy"], ["hierarchy", "energy"]])
def test_one_and_two_objectives(objectives, tmp_path):
    tables = {**SMALL, "scan": {**SMALL["scan"], "trials": 1, "objectives": objectives}}
    scan(loads(tables), out=tmp_path / "few", quiet=True)
    text, _ = _read(tmp_path / "few" / "report.html")
    assert text.count("data-best='1'") == len(objectives)
    assert f"data-x='{'number' if len(objectives) == 1 else objectives[0]}'" in text.partition("class='card chart'")[2]
    assert "1 trial finished" in _words(text)


def test_no_soliton_is_said_in_plain_words(tmp_path):
    scan(loads(REPULSIVE), out=tmp_path / "empty", quiet=True)
    words = _words((tmp_path / "empty" / "report.html").read_text())
    assert (
        "Only the vacuum was found, at every point of the scan: no soliton was found to be scored (2 vacua)." in words
    )
    assert "there is no Pareto front" in words


def test_failures_and_hostile_text_are_shown_as_text(tmp_path):
    """A study by other hands: a failed trial, a reason that is markup, a coupling with a hostile name."""
    evil = "<script>alert(1)</script>"
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    study = optuna.create_study(storage=storage, study_name=evil, directions=["maximize"])
    trial = study.ask()
    trial.suggest_float(evil, 0, 1)
    trial.set_user_attr("kind", evil)
    trial.set_user_attr("reasons", [evil])
    study.tell(trial, 1.0)
    broken = study.ask()
    broken.set_user_attr("error", f"Traceback\nMemoryError: {evil}")
    study.tell(broken, state=optuna.trial.TrialState.FAIL)
    text, _ = _read(write_report(tmp_path))
    assert evil not in text
    words = _words(text)
    assert "1 trial finished, 1 failed" in words
    assert "MemoryError" in words


def test_nothing_finished(tmp_path):
    optuna.create_study(storage=f"sqlite:///{tmp_path / 'study.db'}", study_name="new", directions=["maximize"] * 3)
    assert "nothing to rank" in _words(write_report(tmp_path).read_text())


def test_a_folder_without_a_scan_is_named(tmp_path):
    with pytest.raises(ValueError, match="holds no study"):
        write_report(tmp_path)
    (tmp_path / "study.db").write_text("not a database")
    with pytest.raises(ValueError, match="is not a readable study"):
        write_report(tmp_path)


def test_hypervolume_by_inclusion_and_exclusion():
    assert analysis.hypervolume(np.array([[2.0, 3.0]])) == 6.0
    assert analysis.hypervolume(np.array([[1.0, 3.0], [2.0, 1.0]])) == pytest.approx(3 + 2 - 1)
    a, b = np.array([1.0, 2.0, 3.0]), np.array([3.0, 1.0, 2.0])
    expected = a.prod() + b.prod() - np.minimum(a, b).prod()
    assert analysis.hypervolume(np.array([a, b])) == pytest.approx(expected)
    assert analysis.hypervolume(np.array([a, b, [0.5, 0.5, 0.5]])) == pytest.approx(
        expected
    )  # a dominated point adds nothing


def test_importance_finds_the_coupling_that_matters(tmp_path):
    """At points drawn evenly, from a seed: those of Optuna's default end near one y, which then seems to matter."""
    study = optuna.create_study(
        storage=f"sqlite:///{tmp_path / 'study.db'}",
        study_name="s",
        directions=["maximize"],
        sampler=optuna.samplers.RandomSampler(seed=0),
    )
    for _ in range(60):
        trial = study.ask()
        x, y = (trial.suggest_float(name, 0, 1) for name in "xy")
        study.tell(trial, x + 0.01 * y)
    shares = analysis.importances(records.read_record(tmp_path))["objective 0"]
    assert shares["x"].value > 0.9
    assert shares["y"].value < 0.1


def test_growth_never_falls_and_ends_at_the_front(qballs):
    numbers, values, _ = analysis.growth(records.read_record(qballs))
    assert numbers == [0, 1, 2, 3]
    assert np.all(np.diff(values) >= 0)
    assert 0 < values[-1] <= 1


@pytest.mark.parametrize(
    ("parts", "sentence"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_lists_in_words(parts, sentence):
    assert summary.join_words(parts) == sentence


@pytest.mark.nightly
def test_many_trials_are_thinned_and_it_is_said(qballs, tmp_path):
    """5,000 trials by way of the program's own storage: real ones, their values moved a little."""
    shutil.copy(qballs / "config.resolved.toml", tmp_path)
    config = loads(SMALL)
    source = storage.open_study(storage.locate("", qballs), "scan").get_trials()
    address = storage.locate("", tmp_path)
    study = storage.create_study(address, "scan", config.scan, {"config": {}, "request": {}})
    disk = storage.open_record(address, study)
    disk.load()
    rng = np.random.default_rng(0)
    with disk.transaction() as turn:
        for number in range(5000):
            trial = copy.deepcopy(source[number % len(source)])
            trial.number = number
            trial.values = [value * (1 + 0.1 * rng.random()) for value in trial.values]
            trial.user_attrs["digest"] = digest_of_trial(trial)
            begun = copy.copy(trial)
            begun.user_attrs, begun.system_attrs, begun.state = {}, {}, optuna.trial.TrialState.RUNNING
            begun.values = None
            turn.begin(begun)
            turn.end(trial)
    disk.close()
    record = records.read_record(tmp_path)
    assert len(record.trials) == 5000
    assert {trial.number for trial in record.pareto} == {t.number for t in record.study.best_trials}
    text = layout.trials(record)
    data = linked.page_data(record)
    shown = len(data["number"])
    assert 3900 < shown <= 4000
    assert f"{shown} of 5000 trials are drawn" in text
    assert {t.number for t in record.pareto} <= set(data["number"])
    assert len(linked.scripts(record)) < 2_000_000


def test_result_plots_every_pair_of_objectives(qballs):
    figure = read_result(storage.locate("", qballs), qballs, "scan", wanted=4).plot()
    labels = [(ax.get_xlabel(), ax.get_ylabel()) for ax in figure.axes[:3]]
    assert labels == [
        ("fractal score", "hierarchy"),
        ("fractal score", "regularity"),
        ("hierarchy", "regularity"),
    ]
    names = [text.get_text() for text in figure.axes[3].texts]  # each axis with the scale of its range
    assert {"norm\n(log)", "g"} <= {*names}


def test_what_was_excluded_is_counted(tmp_path):
    """A stable Q-ball, and by strong attraction minima with omega^2 < 0: these are not on the front; it is said."""
    asked = {"constraints": ["certified", "rotating"], "parameters": {"g": [0.7, 1.1]}, "objectives": ["hierarchy"]}
    tables = {**SMALL, "problem": {"norm": 1200.0}, "scan": {**SMALL["scan"], **asked, "trials": 6}}
    result = scan(loads(tables), out=tmp_path, quiet=True)
    record = records.read_record(tmp_path)
    resting = [trial for trial in record.trials if trial.value("omega_squared") <= 0]
    assert 0 < len(resting) < 6
    assert all(t.user_attrs["values"]["omega_squared"] > 0 for t in result.pareto)
    (sentence,) = (one for one in summary.summary_sentences(record) if "excluded" in one)
    assert f"{6 - len(record.feasible)} " in sentence
    assert f"rotating ({len(resting)})" in sentence


def test_a_soft_mode_is_named_beside_the_hierarchy_that_it_makes(tmp_path, monkeypatch):
    """Near its turning point a Q-ball has a mode of L_+ far below the continuum, which makes the largest hierarchy."""
    tables = {**SMALL, "score": {"spectrum": "physical"}, "scan": {**SMALL["scan"], "objectives": ["hierarchy"]}}
    scan(loads(tables), out=tmp_path, quiet=True)
    record = records.read_record(tmp_path)
    top = max(record.pareto, key=lambda trial: trial.objectives[0])
    found = record.spectra(top)
    bound = [x for ell in (0, 1) for x in found[f"bound_{ell}"] if x > 1e-6]

    def sentences():
        return [one for one in summary.summary_sentences(record) if "soft mode" in one]

    assert bool(sentences()) == (min(bound) < 0.04 * min(found["continuum"]))
    soft = 0.01 * min(found["continuum"])
    monkeypatch.setattr(records.Record, "spectra", lambda record, trial: {**found, "bound_0": [soft]})
    (sentence,) = sentences()
    assert f"λ = {soft:.2g}" in sentence
