"""`ExperimentStore`: one experiment is live at most, and the pointer to it is never wrong."""

from dataclasses import replace
from itertools import pairwise

import pytest

from offerloop.errors import ExperimentExists, ExperimentNotReady, UnknownExperiment
from offerloop.offers.experiments import ExperimentStatus
from tests.factories import NOON, an_experiment


def test_an_experiment_comes_back_as_it_was_created(stores):
    experiment = an_experiment()

    stores.experiments.create_experiment(experiment)

    assert stores.experiments.get_experiment("exp-1") == experiment
    assert stores.experiments.running() is None


def test_an_unknown_experiment_is_refused(stores):
    with pytest.raises(UnknownExperiment):
        stores.experiments.get_experiment("exp-404")


def test_an_id_is_created_once(stores):
    stores.experiments.create_experiment(an_experiment())

    with pytest.raises(ExperimentExists):
        stores.experiments.create_experiment(an_experiment())


def test_all_experiments_are_listed_by_id(stores):
    assert stores.experiments.experiments() == []
    for name in ("b", "a", "c"):
        stores.experiments.create_experiment(an_experiment(name))

    assert [experiment.experiment_id for experiment in stores.experiments.experiments()] == ["a", "b", "c"]


def test_the_pointer_follows_an_experiment_through_its_life(stores):
    draft = an_experiment()
    preparing = replace(draft, status=ExperimentStatus.PREPARING, started_at=NOON)
    half_way = replace(preparing, index_cursor="cursor")
    running = replace(half_way, status=ExperimentStatus.RUNNING, index_cursor=None)
    stopped = replace(running, status=ExperimentStatus.STOPPED, stopped_at=NOON + 9)
    stores.experiments.create_experiment(draft)
    steps = [draft, preparing, half_way, running, stopped]

    seen = []
    for before, after in pairwise(steps):
        stores.experiments.save_experiment(before, after)
        seen.append((stores.experiments.running(), stores.contexts.context("ann", NOON).experiment))

    assert seen == [(preparing, preparing), (half_way, half_way), (running, running), (None, None)]
    assert stores.experiments.get_experiment("exp-1") == stopped


def test_a_step_from_an_outdated_state_is_refused(stores):
    draft = an_experiment()
    preparing = replace(draft, status=ExperimentStatus.PREPARING)
    stores.experiments.create_experiment(draft)
    stores.experiments.save_experiment(draft, preparing)

    with pytest.raises(ExperimentNotReady):
        stores.experiments.save_experiment(draft, preparing)


def test_a_second_experiment_cannot_go_live(stores):
    first, second = an_experiment("first"), an_experiment("second")
    stores.experiments.create_experiment(first)
    stores.experiments.create_experiment(second)
    live = replace(first, status=ExperimentStatus.PREPARING)
    stores.experiments.save_experiment(first, live)

    with pytest.raises(ExperimentExists):
        stores.experiments.save_experiment(second, replace(second, status=ExperimentStatus.PREPARING))

    assert stores.experiments.running() == live
    assert stores.experiments.get_experiment("second") == second
