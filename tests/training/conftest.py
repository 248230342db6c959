import shutil

import pytest
from small_training import load_small

from supersoliton.guesses.trained.library import read_library
from supersoliton.training.pretraining import pretrain


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The file of one uninterrupted training in this process."""
    folder = tmp_path_factory.mktemp("trained")
    pretrain(load_small(folder))
    return folder / "warm_start.npz"


@pytest.fixture
def config(trained, tmp_path):
    """A configuration with trained starts."""
    shutil.copy(trained, tmp_path / "warm_start.npz")
    return load_small(tmp_path)


@pytest.fixture
def library(trained):
    return read_library(trained)
