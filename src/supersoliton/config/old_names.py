"""Names of ``parameter_scan_supersoliton_v39_STABLE_HIERARCHY.py`` ("v39") and what they are called here.

The only list of them: the parser answers with it, and docs/guides/coming_from_v39.md shows it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class OldName(NamedTuple):
    """One name of the script.

    `value` is its value or range there; `table` and `name` are the table of a configuration that has its successor and
    the key, both empty if there is none; `words` say what differs, or what replaces it.
    """

    kind: str
    old: str
    value: str
    table: str = ""
    name: str = ""
    words: str = ""


_EXACT = "the scheme is of second order in Nr; elements of order 12 reach 1e-8 with about 100 nodes"
_CLOSURE = "the effective couplings follow from an energy here, not from averages of the fields"

OLD_NAMES = tuple(
    OldName(*row)
    for row in (
        # couplings
        ("coupling", "g_Y", "0.05 to 0.5", "model", "g_yukawa"),
        ("coupling", "g_Yukawa", "0.05 to 0.5", "model", "g_yukawa"),
        ("coupling", "mu2", "-2 to -0.5", "model", "mu_squared"),
        ("coupling", "m0", "-1 to -0.1", "model", "m0_squared", "the square: the sign of m0 enters nowhere"),
        ("coupling", "m0_init", "0.10", "model", "m0_squared", "the square, 0.01"),
        ("coupling", "g", "0.05 to 0.2", "model", "g", "with quartic_sign = 1: the script has +¼gΨ⁴"),
        ("coupling", "g_init", "4.64", "model", "g", "with quartic_sign = 1"),
        ("coupling", "lam_1", "0.03 to 0.1", "model", "lambda_1"),
        ("coupling", "lam_1_init", "1", "model", "lambda_1"),
        ("coupling", "lam_2", "0.005 to 0.05", "model", "lambda_2", "drawn, then overwritten by π·lam_1 in the script"),
        ("coupling", "lam_2_init", "π", "model", "lambda_2"),
        ("coupling", "beta_hierarchy", "0.15", "model", "beta"),
        ("coupling", "lambda_H", "0.5", "model", "lambda_H"),
        ("coupling", "delta", "0.2", "model", "delta"),
        ("coupling", "num_octaves", "12", "model", "n_octaves"),
        ("coupling", "v_H", "0.4 to 0.8", "problem.guess", "vacuum_fraction",
         "no coupling: it enters no energy, only the start Φ = v_H √(−μ²/λ_H) and the network's loss"),
        # mesh, solver, spectrum
        ("numerics", "r_max", "25", "grid", "r_max"),
        ("numerics", "Nr", "800", "grid", "n_elements", _EXACT),
        ("numerics", "Nr_theta", "32", "", "", "states are radial; modes of every ℓ are computed without angles"),
        ("numerics", "Nr_phi", "32", "", "", "see Nr_theta"),
        ("numerics", "A_amplitude", "1.5", "problem.guess", "amplitude", 'of kind = "original"'),
        ("numerics", "R_decay", "3", "problem.guess", "width", 'of kind = "original"'),
        ("numerics", "sigma_noise", "0.05", "problem.guess", "sigma", 'of kind = "original"'),
        ("numerics", "dtau_init", "2e-5", "solver", "dtau", 'of kind = "gradient_flow", scheme = "explicit"'),
        ("numerics", "clip_value", "1e3", "solver", "clip", 'of kind = "gradient_flow", scheme = "explicit"'),
        ("numerics", "tol_energy", "1e-8", "solver", "tol", "of the residual; a small step in energy proves nothing"),
        ("numerics", "neigs", "300", "spectrum", "n_modes"),
        # the self-consistent iteration
        ("feedback", "max_iters", "2", "problem.self_consistent", "max_iterations", _CLOSURE),
        ("feedback", "learning_rate", "0.2", "problem.self_consistent", "relaxation"),
        ("feedback", "convergence_threshold", "0.05", "problem.self_consistent", "tolerance"),
        ("feedback", "G_CLIP_MIN", "1", "problem.self_consistent", "clip", "clip = { g = [1.0, 100.0] }"),
        ("feedback", "G_CLIP_MAX", "100", "problem.self_consistent", "clip", "clip = { g = [1.0, 100.0] }"),
        ("feedback", "m0_clip_max", "50", "problem.self_consistent", "clip", "clip = { m0_squared = [1e-4, 2500.0] }"),
        # the scan
        ("scan", "n_initial_trials", "120", "scan", "trials"),
        ("scan", "n_verification_trials", "15", "scan.verify", "points"),
        ("scan", "n_surrogate_grid_points", "2500", "scan.verify", "points",
         "candidates come from an optimiser of the surrogate within the scanned ranges, not from a grid outside them"),
        ("scan", "EXECUTION_MODE", "FULL_RUN", "scan", "mode"),
        ("scan", "FULL_RUN", "", "scan", "full", "a value of mode"),
        ("scan", "PRETRAIN_ONLY", "", "scan", "pretrain", "a value of mode"),
        ("scan", "population_size", "10", "scan", "population"),
        ("scan", "num_optuna_jobs", "1 to 4 threads", "scan", "workers", "processes"),
        ("scan", "study_name", "supersoliton_fractal_v38", "", "", "the study has the name of the TOML file"),
        ("scan", "study_db_path", "a file of SQLite", "scan", "storage", "study.db in the scan's folder by default"),
        ("scan", "CACHE_DIR", "/kaggle/working/…", "scan", "cache",
         "true or false; SUPERSOLITON_CACHE is its folder. Entries are exact: the script rounds m0 to 1, mu2 to 0.5"),
        # columns of the CSV file and attributes of a trial
        ("column", "trial_number", "", "", "", "number in trials.csv"),
        ("column", "timestamp", "", "", "", "in study.db: datetime_start and datetime_complete of the trial"),
        ("column", "error_msg", "", "", "", "kind, status and reasons in trials.csv"),
        ("column", "fractal_score", "", "scan", "objectives", "the same name; its null as well"),
        ("column", "hierarchy", "", "scan", "objectives", "the same name"),
        ("column", "regularity", "", "scan", "objectives", "the same name; 0 in every trial of the script"),
        ("column", "enhanced_score", "", "scan", "objectives", "the same name; may be an objective"),
        # files
        ("file", "corr_log_v38_fractal.csv", "", "", "", "trials.csv; the script writes no row for a rejected trial"),
        ("file", "optuna_study_v38_fractal.db", "", "", "", "study.db"),
        ("file", "heartbeat.log", "", "", "", "heartbeat.log"),
        ("file", "gp_surrogate_v38_fractal.joblib", "", "scan", "save_surrogate", "surrogate.joblib"),
        ("file", "pareto_front_v38_fractal_kaggle.png", "", "", "", "report.html, or result.plot() in Python"),
        ("file", "pareto_front_3d_v38.html", "", "", "", "report.html"),
        ("file", "pretrained_pinn.pth", "", "warm_start", "checkpoint", "warm_start.npz, written by mode = pretrain"),
        ("file", "finetune_cache", "", "scan", "cache", "the cache of evaluations"),
    )
)  # fmt: skip
_BY_NAME = {row.old: row for row in OLD_NAMES}


def successor(name: str, table: str, known: Iterable[str]) -> str:
    """What an old name is called here, as a sentence for the table that has the keys `known`; else empty.

    A theory of the user's own has no successors of couplings.
    """
    row = _BY_NAME.get(name)
    if row is None or row.kind in ("column", "file") or row.name == name:
        return ""
    reason = f" ({row.words})" if row.words else ""
    if not row.name:
        return f"{name} has no successor here{reason}."
    if row.name in known:
        return f"{name} is called {row.name} here{reason}."
    if row.table == "model" and table in ("model", "scan.parameters"):
        return ""
    return f"{name} is called {row.name} here, in [{row.table}]{reason}."
