"""The protocol file and the head speak of the same 22 expressions."""

from __future__ import annotations

import json
from importlib import resources

from faceapp.morphable.head.expressions import expression_names


def test_protocol_names_every_expression_once() -> None:
    place = resources.files("faceapp_resources") / "schemes" / "expressions22.json"
    protocol = json.loads(place.read_text(encoding="utf-8"))
    assert protocol["schema_version"] == 1
    names = [e["name"] for e in protocol["expressions"]]
    assert len(names) == 22
    assert set(names) == {"neutral", *expression_names()}
    for expression in protocol["expressions"]:
        if expression["mirror"] is not None:
            assert names.count(expression["mirror"]) == 1
