"""What checks ask before anything is deleted: what would be lost, brought back, refused, or not found."""

from __future__ import annotations

from pydantic import Field

from runbook.model.base import FormatModel
from runbook.model.values import Text


class VolumesQuery(FormatModel):
    """What deleting all claims of some namespaces does to their volumes."""

    namespaces: list[Text] = Field(min_length=1, description="whose claims are going to be deleted")
    allow_loss: list[Text] = Field(
        [], description="claims whose data may go, as name or namespace/name"
    )


class GitopsQuery(FormatModel):
    """Whoever would make again what is deleted."""

    namespaces: list[Text] = Field(min_length=1, description="what is in them, and they, would go")


class QuotasQuery(FormatModel):
    """What is going to be made in some namespaces, against what they may use."""

    namespaces: list[Text] = Field(
        min_length=1, description="whose quotas and limit ranges are looked at"
    )


class ToolsQuery(FormatModel):
    """The programs that the steps of the runbook call, and kubectl's age."""

    programs: list[Text] = Field([], description="programs needed besides those that steps call")
    skew: int | None = Field(
        None, ge=0, description="minor versions that kubectl may be older or newer than the server"
    )


class Right(FormatModel):
    """Something that must be allowed."""

    verbs: list[Text] = Field(min_length=1, description="get, list, create, patch, delete, ...")
    resource: Text = Field(description="plural, with its group: models.mlops.seldon.io, pods/log")
    namespace: str | None = Field(None, description="left out: in all of them, or of the cluster")
    name: str | None = Field(None, description="left out: whatever its name")


class RightsQuery(FormatModel):
    """What the steps of the runbook need is allowed."""

    also: list[Right] = Field([], description="rights besides those that the steps show")


class VolumesCheck(FormatModel):
    volumes: VolumesQuery = Field(description="no data is lost with claims, but what may be")


class GitopsCheck(FormatModel):
    gitops: GitopsQuery = Field(description="nobody brings back what is deleted")


class QuotasCheck(FormatModel):
    quotas: QuotasQuery = Field(description="what is applied fits quotas and limit ranges")


class ToolsCheck(FormatModel):
    tools: ToolsQuery = Field(
        description="the programs that steps call are here, kubectl is in step"
    )


class RightsCheck(FormatModel):
    rights: RightsQuery = Field(description="whatever the steps do is allowed")
