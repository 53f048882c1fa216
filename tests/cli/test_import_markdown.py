"""`runbook import`: where a draft is written, and what cannot be read."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from runbook.cli.main import main
from runbook.model.loader import load_text

PAGE = """\
---
owner: somebody
---
# Restore the shop

## 1. Stop the traffic (5 minutes)

Scale the [gateway](https://wiki.example/gateway) down. Customers see a banner meanwhile.

```bash
kubectl scale deployment gateway --replicas=0 -n shop
```

## 2. Delete what is broken (~10-15 min)

```bash
# Delete the database pods
kubectl delete pods -l app=db -n shop --wait=false

# Look at what is left
kubectl get pods -n shop
```

- [ ] No pod of the database is left
- [x] The backup is there

## Rebuild

1. Apply the manifests:

   ```console
   $ kubectl apply \\
   >   -k deploy
   service/db created
   $ sleep 30
   ```

2. Tell the shop's owner
"""


def test_the_command_writes_what_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "Restore Shop.md", tmp_path / "out.yaml"
    source.write_text(PAGE)
    assert main(["import", str(source), "-o", str(out)]) == 0
    assert capsys.readouterr().err == "6 places are unsure: look for `# unsure`\n"
    assert load_text(out.read_text(), "out").name == "restore-shop"
    assert main(["validate", str(out)]) == 0
    assert main(["import", str(source), "-o", str(out)]) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\xff", "is not UTF-8: byte 0"), (b"# x\n", "nothing in"), (b"a" * 2**21, "at most")],
)
def test_what_cannot_be_read_is_exit_2(
    content: bytes, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert main(["import", "-"]) == 2
    assert said in capsys.readouterr().err
