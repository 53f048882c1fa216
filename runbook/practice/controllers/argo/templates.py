"""Where a workflow's templates come from: itself, the WorkflowTemplate it was made from, others' templates.

Rule: what the workflow says itself wins over the WorkflowTemplate, arguments one by one. A reference
to a template that is not there is told apart from one that is.
"""

from __future__ import annotations

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.argo.names import CLUSTER_WORKFLOW_TEMPLATES, WORKFLOW_TEMPLATES
from runbook.practice.controllers.argo.parameters import declared
from runbook.practice.controllers.argo.shapes import unreadable
from runbook.practice.controllers.objects import namespace_of


class TemplateMissing(Exception):
    """The text the API server answered with."""


class Templates:
    """Template look-ups of one workflow. Raises TemplateMissing where its own reference fails."""

    def __init__(self, cluster: Cluster, workflow: JSON) -> None:
        self._cluster = cluster
        self._namespace = namespace_of(workflow)
        kept = (workflow.get("status") or {}).get("storedWorkflowTemplateSpec")
        self.spec = self._effective(workflow["spec"], kept)

    def find(self, holder: JSON) -> JSON | None:
        """The template that an entrypoint, a step or a task names."""
        reference = holder.get("templateRef")
        if reference:
            spec = self._stored(str(reference.get("name", "")), reference)
            return _named(spec or {}, str(reference.get("template", "")))
        for inline in ("container", "script"):
            if holder.get("inline", {}).get(inline):
                return {"name": str(holder.get("name", "")), **holder["inline"]}
        return _named(self.spec, str(holder.get("template", "")))

    def _effective(self, own: JSON, kept: JSON | None) -> JSON:
        """`kept` is what it was when the workflow began; a template that changes later is not read."""
        reference = own.get("workflowTemplateRef")
        if not reference:
            return own
        if kept is not None:
            return {**kept, **own, "arguments": kept.get("arguments") or {}}
        name = str(reference.get("name", ""))
        stored = self._stored(name, reference)
        if stored is None:
            resource = _resource(reference)
            raise TemplateMissing(f'{resource} "{name}" not found')
        merged: JSON = {**stored, **own}
        given = declared(own.get("arguments"))
        names = {parameter["name"] for parameter in given}
        defaults = declared(stored.get("arguments"))
        parameters = [*given, *(p for p in defaults if p["name"] not in names)]
        merged["arguments"] = {"parameters": parameters} if parameters else {}
        return merged

    def _stored(self, name: str, reference: JSON) -> JSON | None:
        resource = _resource(reference)
        namespace = None if resource == CLUSTER_WORKFLOW_TEMPLATES else self._namespace
        template = self._cluster.get(resource, namespace, name)
        return None if template is None or unreadable(template) else dict(template["spec"])


def _resource(reference: JSON) -> str:
    return CLUSTER_WORKFLOW_TEMPLATES if reference.get("clusterScope") else WORKFLOW_TEMPLATES


def _named(spec: JSON, name: str) -> JSON | None:
    found = (t for t in spec.get("templates") or [] if t.get("name") == name)
    return next(found, None)
