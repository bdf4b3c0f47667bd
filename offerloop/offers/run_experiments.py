"""The life of an experiment: created, started, its rankings built page by page, running, stopped.

A ranking can only be read once every offer stands in it. So a started experiment first is PREPARING:
each stored step is a change that the table's stream delivers, which runs the next step, until the last
page is done and the experiment is RUNNING. A crash repeats a page; pages are safe to repeat.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from offerloop.clock import Clock, now_s
from offerloop.errors import ExperimentExists, ExperimentNotReady, UnknownExperiment
from offerloop.offers.experiments import Experiment, ExperimentResult, ExperimentStatus, result_of
from offerloop.offers.ports import EngagementStore, ExperimentStore, InventoryStore, OfferStore
from offerloop.offers.rank_offers import settle_listings

PAGE = 200  # offers ranked per step: a few seconds of a function's time


def start_experiment(experiment_id: str, *, store: ExperimentStore, clock: Clock) -> Experiment:
    """Begin to prepare a drafted experiment; it runs once its rankings are complete.

    Raises:
        UnknownExperiment, ExperimentNotReady, ExperimentExists
    """
    draft = store.get_experiment(experiment_id)
    if draft.status is not ExperimentStatus.DRAFT:
        raise ExperimentNotReady(f"{experiment_id} is {draft.status}; only a DRAFT can be started")
    live = store.running()
    if live is not None:
        raise ExperimentExists(f"{live.experiment_id} is {live.status}; stop it first")
    started = replace(draft, status=ExperimentStatus.PREPARING, started_at=now_s(clock))
    store.save_experiment(draft, started)
    return started


def prepare_experiment(
    experiment_id: str, *, store: ExperimentStore, offers: OfferStore, inventory: InventoryStore
) -> Experiment:
    """Rank one page of the catalogue for a PREPARING experiment; any other is returned as it is.

    Raises:
        UnknownExperiment
        ExperimentNotReady: another process did this step; nothing is lost.
    """
    experiment = store.get_experiment(experiment_id)
    if experiment.status is not ExperimentStatus.PREPARING:
        return experiment
    page = offers.page(PAGE, experiment.index_cursor)
    situations = inventory.situations([offer.offer_id for offer in page.offers])
    settle_listings(situations, inventory.rankings(), inventory)
    after = replace(experiment, index_cursor=page.cursor)
    if page.cursor is None:
        after = replace(after, status=ExperimentStatus.RUNNING)
    store.save_experiment(experiment, after)
    return after


def prepare_experiments(
    experiment_ids: Iterable[str], *, store: ExperimentStore, offers: OfferStore, inventory: InventoryStore
) -> list[Experiment]:
    """Rank one page for each experiment that a stored step names, once however many steps name it.

    Returns:
        The experiments after their step; those that another step or the administrator overtook are left out.
    """
    prepared = []
    for experiment_id in dict.fromkeys(experiment_ids):
        with suppress(ExperimentNotReady, UnknownExperiment):
            prepared.append(
                prepare_experiment(experiment_id, store=store, offers=offers, inventory=inventory)
            )
    return prepared


def stop_experiment(experiment_id: str, *, store: ExperimentStore, clock: Clock) -> Experiment:
    """Stop a live experiment; everyone is served with the control weights again.

    Raises:
        UnknownExperiment, ExperimentNotReady
    """
    live = store.get_experiment(experiment_id)
    if live.status not in (ExperimentStatus.PREPARING, ExperimentStatus.RUNNING):
        raise ExperimentNotReady(f"{experiment_id} is {live.status}")
    stopped = replace(live, status=ExperimentStatus.STOPPED, stopped_at=now_s(clock))
    store.save_experiment(live, stopped)
    return stopped


def experiment_result(
    experiment_id: str, *, store: ExperimentStore, engagement: EngagementStore
) -> ExperimentResult:
    """Conversion per variant with its interval, and the sample-ratio check.

    Raises:
        UnknownExperiment
    """
    return result_of(store.get_experiment(experiment_id), engagement.tallies(experiment_id))
