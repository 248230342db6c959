"""Plain modern English: words and phrases that texts do not contain."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Files to read, and folders to read with their subfolders.
ROOTS = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "mkdocs.yml",
    "Makefile",
    "docs",
    "examples",
    "benchmarks",
    "src",
)
SUFFIXES = {".md", ".py", ".toml", ".yml", ".js", ".css", ""}

# Each pattern with what to write instead.
WORDS = {
    r"\bforet(?:ell|ells|elling|old)\b": "predict",
    r"\btold\b": "given; distinguished",
    r"\bretold\b": "reworded",
    r"\bdoubt(?:s|ed|ful)?\b": "error bound; uncertain",
    r"\bmend(?:s|ed|ing)?\b": "fix",
    r"\banew\b": "again; regenerate",
    r"\bamiss\b": "wrong; all checks passed",
    r"\bfor ever\b": "never ends",
    r"\bbeside\b": "compared with; next to; as well as",
    r"\bthe long way\b": "in full",
    r"\b(?:go|goes|going|went|gone) on\b": "resume; continue",
    r"\bwhat (?:it is|they are|they were|it was) worth\b": "benefit; measured effect",
    r"\bwho(?:so)?ever\b": "anyone who; the first",
    r"\bhopeless\b": "rejected",
    r"\bdearer\b": "more expensive",
    r"\bwhat is known of\b": "accuracy checks; certificate",
    r"\bstruck\b": "perturbed",
    r"\bcan afford\b": "lowers its energy by",
    r"\bto the letter\b": "exactly",
    r"\bwants? to go\b": "would move",
    r"\bpart company\b": "diverge; need different kernels",
    r"\bheretofore\b|\bhenceforth\b|\bthereof\b|\bwherein\b|\blest\b": "plain words",
}
# The script that the octave model comes from: a text that says "the original" must name it.
ORIGINAL = re.compile(r"\bthe original\b", re.I)
SCRIPT = "parameter_scan_supersoliton_v39_STABLE_HIERARCHY.py"

# (end of the file's path, text, reason): the only exceptions.
ALLOWED = (("CHANGELOG.md", "it was `foretold`", "the former name of a column of trials.csv"),)


def texts(root: str) -> list[Path]:
    path = ROOT / root
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    return [file for file in files if file.is_file() and file.suffix in SUFFIXES and "__pycache__" not in file.parts]


def read(path: Path) -> str:
    """The text with runs of spaces, line ends and comment signs as one space, so that a phrase may span lines."""
    return re.sub(r"\s*\n[\s#*/]*|\s+", " ", path.read_text(encoding="utf-8"))


def faults(text: str) -> list[str]:
    found = []
    for pattern, instead in WORDS.items():
        for match in re.finditer(pattern, text, re.I):
            found.append(f"{text[max(0, match.start() - 40) : match.end() + 40]!r}: write {instead}")
    if ORIGINAL.search(text) and SCRIPT not in text:
        found.append(f'"the original" without its name, {SCRIPT}')
    return found


def without_exceptions(path: Path, text: str) -> str:
    for end, phrase, _ in ALLOWED:
        if path.as_posix().endswith(end):
            text = text.replace(phrase, "")
    return text


PATHS = [path for root in ROOTS for path in texts(root)]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(ROOT)))
def test_words(path):
    found = faults(without_exceptions(path, read(path)))
    assert not found, "\n".join([str(path.relative_to(ROOT)), *found])


def test_every_root_has_texts():
    assert all(texts(root) for root in ROOTS)
    assert len(PATHS) > 50


@pytest.mark.parametrize(
    "sentence",
    [
        "What is foretold takes its place.",
        "A scan goes\n# on where it stopped.",
        "the claims of The original",
        "Both are told that point",
        "energies beside the null",
    ],
)
def test_faults_are_noticed(sentence, tmp_path):
    path = tmp_path / "page.md"
    path.write_text(sentence)
    assert faults(read(path))


def test_plain_words_pass():
    assert not faults(f"Besides its cost, the original ({SCRIPT}) has recommended ranges; tell Optuna the values.")


def test_every_exception_is_needed():
    for end, phrase, reason in ALLOWED:
        assert reason
        assert phrase in read(ROOT / end), f"{end} no longer has {phrase!r}"
        assert faults(phrase)
