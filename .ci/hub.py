"""Checks the definitions in hub/ against Meltano Hub's JSON schemas.

They refer to each other by their places in the Hub's repository, but call themselves by
other names, so check-jsonschema can't follow them.
"""
# ruff: noqa: INP001, T201 - a script, no package

from __future__ import annotations

import json
import sys
from pathlib import Path

from jsonschema import Draft7Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT7
from ruamel.yaml import YAML

HUB = Path(__file__).parents[1] / "hub"
BASE = "file:///schemas"  # a name for their common root; nothing is read from there


def main(schemas: Path) -> None:
    """Ends with an error if a definition does not conform.

    Args:
        schemas: The Hub's folder of schemas.
    """
    if not schemas.is_dir():
        print(f"{schemas} is absent: hub/ was not checked against the Hub's schemas.")
        return
    registry = _registry(schemas)
    errors = [
        f"{file.relative_to(HUB.parent)}: {error.json_path}: {error.message}"
        for file in sorted(HUB.glob("*/*.yml"))
        for error in Draft7Validator(
            {"$ref": f"{BASE}/plugin_definitions/{file.parent.name}.schema.json"},
            registry=registry,
            format_checker=FormatChecker(),
        ).iter_errors(YAML(typ="safe").load(file))
    ]
    if errors:
        sys.exit("\n".join(errors))
    print("ok -- hub/ conforms to the Hub's schemas.")


def _registry(schemas: Path) -> Registry:
    resources = []
    for file in schemas.glob("*/*.json"):
        schema = json.loads(file.read_text(encoding="utf-8"))
        del schema["$id"]
        uri = f"{BASE}/{file.relative_to(schemas).as_posix()}"
        resources.append((uri, DRAFT7.create_resource(schema)))
    return Registry().with_resources(resources)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
