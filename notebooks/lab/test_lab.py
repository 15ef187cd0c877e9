"""What holds for the texts of the lab: they are complete, and their links lead somewhere."""

import json
import re
from pathlib import Path

import pytest

LAB = Path(__file__).parent
NOTEBOOKS = LAB.parent
TEXTS = sorted([*LAB.glob("*.md"), *NOTEBOOKS.glob("*.md"), *NOTEBOOKS.glob("*.ipynb")])


def text_of(path):
    if path.suffix == ".md":
        return path.read_text()
    return "\n".join("".join(cell["source"]) for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "markdown")


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)\)", text_of(path)):
        assert (path.parent / target).exists(), f"{path.name} points to {target}, which is not there"


def test_the_test_has_twelve_items_with_four_answers_and_a_key():
    items = re.split(r"\n\*\*(\d+)\.\*\* ", text_of(LAB / "test_before_and_after.md"))
    assert items[1::2] == [str(n) for n in range(1, 13)]
    for number, item in zip(items[1::2], items[2::2]):
        assert re.findall(r"(?:^|· |\n)([a-d])\)", item) == ["a", "b", "c", "d"], f"item {number}"
    key = text_of(LAB / "teachers_guide.md").split("## Key of the test")[1]
    assert [n for n, _ in re.findall(r"\n\| (\d+) \| ([a-d]) \|", key)] == [str(n) for n in range(1, 13)]


def test_twelve_discussion_questions_with_folded_explanations():
    text = text_of(LAB / "discussion.md")
    assert re.findall(r"\n\*\*(\d+)\. .*\*\*\n\n<details>", text) == [str(n) for n in range(1, 13)]
    explained = re.findall(r"<details><summary>Explanation</summary>\n\n(.+?)\n\n</details>", text, re.S)
    assert len(explained) == 12 and all(len(words) > 150 for words in explained)
    assert len(set(re.findall(r"tutorials? (\d{3})", text))) >= 3, "wrong answers come from several tutorials"


def test_five_experiments_each_with_steps_a_sight_and_an_explanation():
    experiments = re.split(r"\n## \d\. ", text_of(LAB / "break_it.md"))[1:]
    assert len(experiments) == 5
    for experiment in experiments:
        name = experiment.splitlines()[0]
        assert len(re.findall(r"^\d\. ", experiment, re.M)) >= 3, f"{name}: too few steps"
        assert "**Expect**: " in experiment and "<details><summary>Explanation</summary>" in experiment, name


def test_the_minutes_of_the_class_add_up_to_fifty():
    minutes = re.findall(r"\n\| (\d+)–(\d+) \|", text_of(LAB / "teachers_guide.md"))
    assert minutes[0][0] == "0" and minutes[-1][1] == "50"
    assert all(one[1] == following[0] for one, following in zip(minutes, minutes[1:]))


@pytest.mark.parametrize("sheet", ["lab_sheet_1.md", "lab_sheet_2.md"])
def test_the_parts_of_a_sheet_fill_fifty_minutes(sheet):
    given = sum(int(n) for n in re.findall(r"\((\d+) minutes\)", text_of(LAB / sheet)))
    assert 45 <= given <= 50, f"{given} minutes, and the check wants some too"
