"""The files of runs against the committed JSON Schemas, by a validator that was not written here: check_schemas.py DIR…"""

import json
import pathlib
import sys

import jsonschema

schemas = pathlib.Path(__file__).resolve().parent.parent / "results" / "schema"


def validator(name):
    schema = json.loads((schemas / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


checked = 0
for run in map(pathlib.Path, sys.argv[1:]):
    validator("manifest").validate(json.loads((run / "manifest.json").read_text()))
    validator("summary").validate(json.loads((run / "summary.json").read_text()))
    trial = validator("trial")
    lines = (run / "trials.jsonl").read_text().splitlines()
    assert lines, f"{run} has no trials"
    for line in lines:
        trial.validate(json.loads(line))
    for name in ["report.html", "report.md", "summary.csv"]:
        assert (run / name).stat().st_size > 0, f"{name} is empty"
    charts = list((run / "charts").glob("*.svg")) + list((run / "charts").glob("*.png"))
    assert len(charts) >= 8, f"only {len(charts)} charts"
    checked += 1
print(f"schemas: {checked} runs passed, 0 failed")
