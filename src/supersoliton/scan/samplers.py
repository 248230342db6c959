"""Which point next: Optuna's samplers, made anew for each trial."""

from __future__ import annotations

import numpy as np
import optuna
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler

from .settings import ScanSettings


def make_sampler(settings: ScanSettings, number: int) -> BaseSampler:
    """Optuna's sampler for the trial of this number."""
    seed = int(np.random.SeedSequence([settings.seed, number]).generate_state(1)[0])
    if settings.sampler == "nsga2":
        return NSGAIISampler(population_size=settings.population, seed=seed)
    if settings.sampler == "random":
        return RandomSampler(seed=seed)
    return TPESampler(seed=seed)


def choose_parents_again(study: optuna.Study, settings: ScanSettings) -> None:
    """Let NSGA-II choose the parents of each generation that had begun, as it did when it began.

    It keeps its choice with the study in memory, and afterwards reads it back in another order than it made it: a
    choice made once more later would pair the same parents differently.
    """
    sampler = make_sampler(settings, 0)
    if not isinstance(sampler, NSGAIISampler):
        return
    began = [t for t in study.get_trials(deepcopy=False) if any("generation" in key for key in t.system_attrs)]
    for generation in sorted({sampler.get_trial_generation(study, trial) for trial in began} - {0}):
        sampler.get_parent_population(study, generation)
