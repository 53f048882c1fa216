"""Every way in which asking MLflow for a model can end badly, by name, with what to do next.

MLflow gives quite different causes the same face (401 for a wrong password and for its own S3 key,
200 `{}` for nothing found and for not permitted), so an operator gets the cause, not the status.
"""

from __future__ import annotations

from enum import StrEnum

from runbook.errors import RunbookError


class Failure(StrEnum):
    SERVER_DOWN = "server-down"
    TLS = "tls"
    BAD_ENDPOINT = "bad-endpoint"
    WRONG_PATH = "wrong-path"
    REDIRECT = "redirect"
    SERVER_ERROR = "server-error"
    BAD_CREDENTIALS = "bad-credentials"
    NO_PERMISSION = "no-permission"
    HOST_REJECTED = "host-rejected"
    EXPERIMENT_MISSING = "experiment-missing"
    EXPERIMENT_DELETED = "experiment-deleted"
    BAD_VARIANT = "bad-variant"
    NO_FINISHED_RUN = "no-finished-run"
    NO_MODEL = "no-model"
    AMBIGUOUS_MODEL = "ambiguous-model"
    ARTIFACTS_MISSING = "artifacts-missing"
    BUCKET_MISSING = "bucket-missing"
    STORE_BAD_KEY = "store-bad-key"
    STORE_DENIED = "store-denied"
    STORE_UNREACHABLE = "store-unreachable"
    SERVER_IGNORED_FILTER = "server-ignored-filter"
    NOT_PROXYING = "not-proxying"
    NEEDS_TRANSLATION = "needs-translation"
    UNSUPPORTED_STORE = "unsupported-store"
    WRONG_BUCKET = "wrong-bucket"
    MODEL_NOT_REGISTERED = "model-not-registered"
    ALIAS_MISSING = "alias-missing"
    NOT_PROVEN = "not-proven"


NEXT_ACTION: dict[Failure, str] = {
    Failure.SERVER_DOWN: "check that the MLflow pod runs and that this address leads to it",
    Failure.TLS: "check http against https, and give the CA that signed the server's certificate",
    Failure.BAD_ENDPOINT: "write the endpoint as http(s)://host:port/prefix",
    Failure.WRONG_PATH: "check the endpoint's path: neither /api nor /ajax-api answers in JSON there",
    Failure.REDIRECT: "give the address it leads to; credentials are not sent after a redirect",
    Failure.SERVER_ERROR: "read the MLflow server's log",
    Failure.BAD_CREDENTIALS: "check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    Failure.NO_PERMISSION: "ask for READ permission on the experiment for this user",
    Failure.HOST_REJECTED: "start the server with --allowed-hosts 'NAME:*' or use its IP address",
    Failure.EXPERIMENT_MISSING: "check the experiment's name; a lost database means new experiments",
    Failure.EXPERIMENT_DELETED: "restore it with: mlflow experiments restore",
    Failure.BAD_VARIANT: "MLflow's filters cannot express a value with both kinds of quotes",
    Failure.NO_FINISHED_RUN: "run the training pipeline for this variant to its end",
    Failure.NO_MODEL: "read the run's log: log_model failed there, or this user may not see the model",
    Failure.AMBIGUOUS_MODEL: "name the model that is meant",
    Failure.ARTIFACTS_MISSING: "restore the bucket or train again; the database names lost objects",
    Failure.BUCKET_MISSING: "create or restore the bucket that MLflow writes to",
    Failure.STORE_BAD_KEY: "mend the S3 key in the MLflow server's environment; your password is right",
    Failure.STORE_DENIED: "give the MLflow server's S3 key the right to list the bucket",
    Failure.STORE_UNREACHABLE: "check that the MLflow server reaches its store and its bucket exists",
    Failure.NOT_PROXYING: "give --artifacts-destination: this server does not serve artifacts itself",
    Failure.NEEDS_TRANSLATION: "give --artifacts-destination s3://BUCKET[/PREFIX], as the server has it",
    Failure.UNSUPPORTED_STORE: "only models in an S3 store can be written into a manifest",
    Failure.WRONG_BUCKET: "check that this is the right MLflow; if it is, name the bucket: --bucket NAME",
    Failure.MODEL_NOT_REGISTERED: "check --registered-model; names are case-sensitive",
    Failure.ALIAS_MISSING: "set it: mlflow.MlflowClient().set_registered_model_alias(NAME, ALIAS, VERSION)",
    Failure.NOT_PROVEN: "give S3 keys (AWS_ACCESS_KEY_ID, MLFLOW_S3_ENDPOINT_URL), so that it can be looked for",
    Failure.SERVER_IGNORED_FILTER: "do not trust this server's answers: it ignored the search filter",
}

CANNOT_TELL = frozenset(
    {
        Failure.SERVER_DOWN,
        Failure.TLS,
        Failure.BAD_ENDPOINT,
        Failure.WRONG_PATH,
        Failure.REDIRECT,
        Failure.SERVER_ERROR,
        Failure.BAD_CREDENTIALS,
        Failure.NO_PERMISSION,
        Failure.HOST_REJECTED,
        Failure.BAD_VARIANT,
        Failure.STORE_BAD_KEY,
        Failure.STORE_DENIED,
        Failure.STORE_UNREACHABLE,
        Failure.SERVER_IGNORED_FILTER,
        Failure.NOT_PROXYING,
        Failure.NEEDS_TRANSLATION,
        Failure.NOT_PROVEN,
    }
)
"""Failures of asking: whether there is a usable model remains unknown."""


class MlflowError(RunbookError):
    """A named failure. `message` says what was seen, `hint` what to do next."""

    def __init__(self, failure: Failure, message: str) -> None:
        super().__init__(f"{failure}: {message}", hint=NEXT_ACTION[failure])
        self.failure = failure

    @property
    def cannot_tell(self) -> bool:
        return self.failure in CANNOT_TELL
