from __future__ import annotations

import json

import pytest

from runbook.practice.controllers.seldon import names, rclone
from runbook.practice.controllers.seldon.rclone import RcloneFault, remotes
from tests.practice.controllers.seldon.stage import Stage


async def prepare(stage: Stage, content: str | None = None, **more: str) -> None:
    await stage.server.create("namespaces", {"metadata": {"name": "financial-inference"}})
    await stage.server.create(
        "configmaps",
        {
            "metadata": {"name": names.AGENT_CONFIG, "namespace": "financial-inference"},
            "data": {"agent.yaml": "rclone:\n  config_secrets: [seldon-rclone-gs-public]\n"},
        },
    )
    if content is not None or more:
        await stage.rclone_secret(content, **more)


GOOD = {"name": "s3", "type": "s3", "parameters": {"access_key_id": "x"}}


@pytest.mark.parametrize(
    "text", [json.dumps(GOOD), "name: s3\ntype: s3\nparameters:\n  access_key_id: x\n"]
)
async def test_a_secret_of_one_key_with_json_or_yaml_is_a_remote(stage: Stage, text: str) -> None:
    await prepare(stage, text)
    found = remotes(stage.server, "financial-inference")
    assert found == {"s3": rclone.Remote("s3", "s3", {"access_key_id": "x"})}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (json.dumps(GOOD)[:-1] + ",}", "Failed to unmarshall config as json or yaml. invalid char"),
        ("{", "unexpected end of JSON input"),
        ("just words", "cannot unmarshal"),
        (": : :", "yaml:"),
        (json.dumps({**GOOD, "name": ""}), "Key: 'RcloneConfigCreate.Name' Error:Field validation"),
        (json.dumps({"name": "s3", "type": "s3"}), "'RcloneConfigCreate.Parameters'"),
        (json.dumps({**GOOD, "parameters": {"env_auth": False}}), "cannot unmarshal bool"),
    ],
)
async def test_anything_else_is_a_fault_in_the_agents_words(
    stage: Stage, text: str, words: str
) -> None:
    await prepare(stage, text)
    with pytest.raises(RcloneFault) as fault:
        remotes(stage.server, "financial-inference")
    assert words in str(fault.value)


async def test_two_keys_are_one_too_many(stage: Stage) -> None:
    await prepare(stage, json.dumps(GOOD), second="x")
    with pytest.raises(RcloneFault, match="Secret does not have 1 key seldon-rclone-gs-public"):
        remotes(stage.server, "financial-inference")


async def test_a_secret_that_is_not_there_is_named(stage: Stage) -> None:
    await prepare(stage)
    with pytest.raises(RcloneFault, match='secrets "seldon-rclone-gs-public" not found'):
        remotes(stage.server, "financial-inference")
