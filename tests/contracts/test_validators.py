"""Other people's validators agree: the AsyncAPI parser with the document, a JSON Schema validator with the examples.

They come from npm (once, into `.local/`); without Node or the registry these tests are skipped and say so.
"""

import copy
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shared.contracts import publish

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".local" / "tools" / "asyncapi"
PARSER = "@asyncapi/parser@3.6.3"


@pytest.fixture(scope="module")
def node() -> str:
    """A Node that finds the parser."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        pytest.skip("Node is missing: the AsyncAPI document was not validated; install Node 20 or newer")
    if not (TOOLS / "node_modules" / "@asyncapi" / "parser").exists():
        TOOLS.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(TOOLS), PARSER]
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
        if done.returncode != 0:
            pytest.skip(f"npm could not install {PARSER}: {done.stderr.strip()[-300:]}")
    return program


def _validate(node: str, asyncapi: dict[str, Any], documents: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    schemas = {name: publish.schema_of(cls) for name, cls in publish.declared().items()}
    done = subprocess.run(
        [node, str(Path(__file__).with_name("validate.cjs"))],
        input=json.dumps({"asyncapi": asyncapi, "schemas": schemas, "examples": documents}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"NODE_PATH": str(TOOLS / "node_modules")},
    )
    assert done.returncode == 0, done.stderr
    faults: dict[str, Any] = json.loads(done.stdout)
    return faults


def test_the_document_is_valid_and_the_schemas_describe_the_examples(node: str) -> None:
    examples = {name: publish.example_of(name) for name in publish.declared()}
    with_surprise = {name: {**example, "surprise": 1} for name, example in examples.items()}

    faults = _validate(node, publish.asyncapi(), {name: [examples[name], with_surprise[name], {}] for name in examples})

    assert faults["asyncapi"] == []
    for name, (real, surprising, empty) in faults["examples"].items():
        assert real == "", f"the schema of {name} does not describe its example"
        assert "must NOT have additional properties" in surprising
        assert "must have required property" in empty


def test_a_document_with_a_wrong_action_is_caught(node: str) -> None:
    document = copy.deepcopy(publish.asyncapi())
    next(iter(document["operations"].values()))["action"] = "shout"

    assert _validate(node, document, {})["asyncapi"]
