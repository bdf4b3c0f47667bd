"""A/B tests of the score weights."""

import streamlit as st

from dashboard import charts
from dashboard.data import ExperimentView, Source
from dashboard.views import frame
from offerloop.offers.experiments import SRM_ALPHA, ExperimentStatus

_WORDS = {
    ExperimentStatus.DRAFT: ":gray-badge[draft]",
    ExperimentStatus.PREPARING: ":orange-badge[preparing its rankings]",
    ExperimentStatus.RUNNING: ":green-badge[running]",
    ExperimentStatus.STOPPED: ":gray-badge[stopped]",
}


def show(connect: frame.Connect) -> None:
    st.title("Experiments")
    st.caption(
        "Each user falls into one variant of the score weights, by a hash. Exposed = served by the variant "
        "and active; converted = redeemed at least once."
    )
    frame.refreshing(connect, _experiments, key="experiments")


def _experiments(source: Source) -> None:
    views = source.experiments()
    if not views:
        frame.empty(
            "No experiment yet",
            "This creates and starts one that weighs urgency more; live shoppers (`make shoppers`) fill it. "
            "The key is what `make -s outputs` prints as api_key.",
            start_commands(source.facts().api_url),
        )
    for view in views:
        with st.container(border=True):
            _experiment(view)


def _experiment(view: ExperimentView) -> None:
    experiment, result = view.experiment, view.result
    st.markdown(f"#### {experiment.experiment_id} {_WORDS[experiment.status]}")
    exposed, converted = (sum(getattr(v, name) for v in result.variants) for name in ("exposed", "converted"))
    users, redeemed, verdict = frame.tiles(3, key=f"tiles-{experiment.experiment_id}")
    users.metric("Users exposed", f"{exposed:,}", border=True)
    redeemed.metric("Users converted", f"{converted:,}", border=True)
    verdict.metric(
        "Sample ratio",
        "–" if not exposed else "as intended" if result.sample_ratio_ok else "broken",
        border=True,
        help=f"chi-squared test of the users against the shares, p = {result.sample_ratio_p:.3g}",
    )
    st.markdown(verdict_in_words(view))
    if exposed:
        st.plotly_chart(
            charts.conversions(view),
            key=f"conversions-{experiment.experiment_id}",
            config=charts.CONFIG,
            alt="Conversion per variant with its 95 % interval",
        )
    st.dataframe(
        _variant_rows(view),
        hide_index=True,
        key=f"variants-{experiment.experiment_id}",
        alt="Variants with their share, weights, users and conversion",
    )


def _variant_rows(view: ExperimentView) -> list[dict[str, str | int]]:
    return [
        {
            "Variant": variant.name,
            "Share": f"{variant.share_bp / 100:g} %",
            "Exposed": shown.exposed,
            "Converted": shown.converted,
            "Conversion": f"{100 * shown.conversion:.1f} %" if shown.exposed else "–",
            "95 % interval": f"{100 * shown.low:.1f} – {100 * shown.high:.1f} %" if shown.exposed else "–",
            "Priority": f"{variant.weights.priority_bp / 100:g} %",
            "Relevance": f"{variant.weights.relevance_bp / 100:g} %",
            "Urgency": f"{variant.weights.urgency_bp / 100:g} %",
            "Inventory": f"{variant.weights.inventory_bp / 100:g} %",
        }
        for variant, shown in zip(view.experiment.variants, view.result.variants, strict=True)
    ]


def verdict_in_words(view: ExperimentView) -> str:
    """What the numbers allow to say, the split before the conversions."""
    result = view.result
    if not any(variant.exposed for variant in result.variants):
        return "Nobody has been exposed yet: run `make shoppers`."
    if not result.sample_ratio_ok:
        return (
            f"The users did not arrive in the intended shares (p = {result.sample_ratio_p:.2g}, below "
            f"{SRM_ALPHA}): the split itself is broken, so do not compare the conversions."
        )
    ranked = sorted(result.variants, key=lambda variant: -variant.conversion)
    best, rest = ranked[0], ranked[1:]
    split = f"The users arrived in the intended shares (p = {result.sample_ratio_p:.2g})."
    if all(best.low > other.high for other in rest):
        return f"{split} {best.name} converts best: its interval lies above every other."
    return f"{split} The intervals overlap: no variant is ahead beyond chance yet."


def start_commands(api_url: str) -> str:
    """Commands that create an experiment and start it; the key stays out of the page."""
    return f"""API={api_url}
KEY=$(make -s outputs | python3 -c 'import json, sys; print(json.load(sys.stdin)["api_key"])')
curl -X POST "$API/experiments" -H "X-API-Key: $KEY" -H "Content-Type: application/json" -d '{{
  "experiment_id": "more-urgency",
  "variants": [
    {{"name": "control", "share_bp": 5000, "weights":
      {{"priority_bp": 4000, "relevance_bp": 3000, "urgency_bp": 2000, "inventory_bp": 1000}}}},
    {{"name": "urgent", "share_bp": 5000, "weights":
      {{"priority_bp": 3000, "relevance_bp": 3000, "urgency_bp": 3500, "inventory_bp": 500}}}}
  ]
}}'
curl -X POST "$API/experiments/more-urgency/start" -H "X-API-Key: $KEY\""""
