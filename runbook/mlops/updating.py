"""Which location each variant's Model should have: all that can be found, and by name what cannot.

All or nothing is for the caller: a manifest of which half was changed serves an experiment nobody asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from runbook.mlops.failures import Failure, MlflowError
from runbook.mlops.locations import Locator
from runbook.mlops.logged_models import find_model
from runbook.mlops.registry import find_by_alias

AHEAD = timedelta(minutes=5)
"""A run that starts later than this from now was timed by a wrong clock, and wins for as long as it is wrong."""


@dataclass(frozen=True, slots=True)
class Search:
    """How the model of a variant is looked for. `{variant}` and `{Variant}` stand for it in names."""

    experiment: str
    variant_param: str = "model_variant"
    model_name: str | None = None
    skip_modelless: bool = False
    alias: str | None = None
    registered_model: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """Where the files of a variant's model are, or why nobody can say. Exactly one of the two is there."""

    variant: str
    location: str = ""
    run_id: str = ""
    model_id: str | None = None
    version: str | None = None
    """Of the registered model, when it was found by an alias."""
    warnings: tuple[str, ...] = ()
    failure: MlflowError | None = None


def named(pattern: str, variant: str) -> str:
    """A name for a variant: `financial-{variant}`, or `Predictor_{Variant}` with a capital."""
    return pattern.replace("{variant}", variant).replace(
        "{Variant}", variant[:1].upper() + variant[1:]
    )


async def find_all(
    locator: Locator, search: Search, variants: Sequence[str], now: datetime
) -> list[Found]:
    """One answer for each variant, in their order."""
    return [await _find(locator, search, variant, now) for variant in variants]


async def _find(locator: Locator, search: Search, variant: str, now: datetime) -> Found:
    try:
        if search.alias is not None:
            return await _by_alias(locator, search, variant, search.alias)
        model = await find_model(
            locator.api,
            named(search.experiment, variant),
            variant,
            variant_param=search.variant_param,
            model_name=search.model_name,
            skip_modelless=search.skip_modelless,
        )
        warnings = []
        if model.run.tied_with:
            told = ", ".join(model.run.tied_with)
            warnings.append(f"run {model.run.run_id} was taken; at the same moment started {told}")
        started = datetime.fromtimestamp(model.run.start_time / 1000, UTC)
        if started > now + AHEAD:
            warnings.append(
                f"run {model.run.run_id} says it started at {started:%Y-%m-%d %H:%M}Z, which is in the "
                "future: by a wrong clock it stays the newest"
            )
        return Found(
            variant,
            await locator.located(model.uri),
            model.run.run_id,
            model.model_id,
            warnings=tuple(warnings),
        )
    except MlflowError as failure:
        return Found(variant, failure=failure)


async def _by_alias(locator: Locator, search: Search, variant: str, alias: str) -> Found:
    model = await find_by_alias(locator.api, named(search.registered_model, variant), alias)
    if not model.proven and locator.store is None:
        raise MlflowError(
            Failure.NOT_PROVEN,
            f"{model.name} version {model.version} is at {model.uri}, which MLflow cannot list",
        )
    return Found(
        variant,
        await locator.located(model.uri),
        model.run_id,
        model.model_id,
        model.version,
    )
