"""The surrogate in a file: it predicts what the scan recorded, and is not read without trust."""

import shutil

import joblib
import numpy as np
import pytest
from small_scan import load_small, run_small

from supersoliton.sampling.proposals import prediction
from supersoliton.sampling.surrogate_file import load_surrogate

WISHES = {
    "trials": 22,
    "verify": {"points": 2},
    "save_surrogate": True,
    "objectives": ["fractal_score", {"name": "energy", "direction": "minimize"}],
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    return folder / "run" / "surrogate.joblib", run_small(folder, folder / "run", **WISHES)


def test_it_predicts_what_the_scan_recorded(saved):
    path, result = saved
    surrogate = load_surrogate(path, trust=True)
    trials = [trial for trial in result.study.trials if prediction(trial) is not None]
    found = surrogate.predict([trial.params for trial in trials])
    assert len(trials) == 2
    for k, name in enumerate(("fractal_score", "energy")):
        for key in ("median", "low", "high"):
            recorded = [getattr(prediction(trial), key)[k] for trial in trials]
            assert found[name][key] == pytest.approx(recorded, rel=1e-9)
    assert found["feasible"]["median"] == pytest.approx([prediction(trial).feasible for trial in trials])
    with pytest.raises(ValueError, match=r"a point has no 'norm': give g, norm"):
        surrogate.predict([{"g": 0.6}])


def test_a_finished_study_can_be_asked_for_it_later(saved, tmp_path):
    """Nothing is evaluated again, and the fit is the same."""
    shutil.copytree(saved[0].parent, tmp_path / "run")
    again = tmp_path / "run" / "surrogate.joblib"
    again.unlink()
    later = run_small(tmp_path, tmp_path / "run", **WISHES)
    assert later.new == 0
    at = [{"g": 0.6, "norm": 500.0}]
    values = [load_surrogate(path, trust=True).predict(at)["energy"]["median"] for path in (saved[0], again)]
    assert np.all(values[0] == values[1])


class Harmful:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_it_is_not_read_without_trust(tmp_path):
    joblib.dump(Harmful(tmp_path / "harm"), tmp_path / "surrogate.joblib")
    with pytest.raises(ValueError, match=r"is a pickle, which can run any code .* pass trust=True\.$"):
        load_surrogate(tmp_path / "surrogate.joblib")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "damaged or no surrogate"), (b"\x80\x05.", "damaged or no surrogate"), (None, "int")]
)
def test_a_damaged_or_other_file_is_one_sentence(tmp_path, content, words):
    path = tmp_path / "surrogate.joblib"
    if content is None:
        joblib.dump(3, path)
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=words):
        load_surrogate(path, trust=True)
    with pytest.raises(ValueError, match="cannot read"):
        load_surrogate(tmp_path / "nothing.joblib", trust=True)


def test_without_the_phase_it_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\[scan\] save_surrogate needs a table \[scan.verify\], got none"):
        load_small(tmp_path, save_surrogate=True)
