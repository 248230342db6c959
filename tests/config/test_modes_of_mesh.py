"""The number of scored modes is one that the mesh has, known when the file is read."""

import pytest

from supersoliton.config import loads
from supersoliton.evaluate.evaluation import evaluate

SMALL = {
    "model": {"n_octaves": 1, "quartic_sign": -1.0, "m0_squared": 0.5, "mu_squared": -1.0, "lambda_H": 0.5},
    "grid": {"r_max": 15.0, "n_elements": 4, "order": 8},
    "problem": {"norm": 600.0},
    "score": {"null_samples": 5},
    "scan": {"parameters": {"g": [0.55, 0.65]}},
}


def test_without_a_number_there_are_as_many_as_the_mesh_has():
    config = loads(SMALL)
    assert config.spectrum.n_modes == 2 * (4 * 8 + 1) - 2  # both fields are held at r_max
    found = evaluate(config, {"g": 0.6})
    assert found.spectra["box"].size > 40
    assert loads(config.to_dict()).spectrum == config.spectrum


def test_more_than_the_mesh_has_are_refused_when_the_file_is_read():
    with pytest.raises(
        ValueError, match=r"\[spectrum\] n_modes must be at most 64, the unknowns of this mesh, got 65:"
    ):
        loads({**SMALL, "spectrum": {"n_modes": 65}})
    assert loads({**SMALL, "spectrum": {"n_modes": 64}}).spectrum.n_modes == 64
