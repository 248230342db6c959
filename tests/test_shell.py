"""What surrounds the program says the same everywhere: version, authors, files of a forge."""

import re
import subprocess
import tomllib
from pathlib import Path

import yaml

from supersoliton._version import __version__

ROOT = Path(__file__).parents[1]


def test_version_and_authors_are_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["version"] == __version__
    assert citation["authors"][0]["name"] == project["authors"][0]["name"]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{__version__}] - {citation['date-released']}" in changes
    assert set(citation["keywords"]) <= set(project["keywords"]) | {"spectral elements", "multi-objective optimisation"}


def test_the_addresses_of_the_project_are_in_one_place():
    found = subprocess.run(
        ["git", "grep", "-l", "example.org/super" + "soliton"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["pyproject.toml"]


def test_files_of_a_forge_name_what_exists():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    python = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    classified = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert python == classified
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    for hook in hooks:
        for name in re.findall(r"tests/\S+\.py", hook["entry"]):
            assert (ROOT / name).is_file()
    docker = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (?!--)(.+) \S+$", docker, re.M):
        assert all((ROOT / name).exists() for name in line.split())
