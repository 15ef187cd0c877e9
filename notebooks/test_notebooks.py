"""What holds for the notebooks besides running them (`pytest --nbmake` does that): stripped outputs, loading, formulas."""

import json
import math
import random
from pathlib import Path

import pytest

import wirerace_match as matching
import wirerace_runs as runs
import wirerace_theory as theory

HERE = Path(__file__).parent
NOTEBOOKS = sorted(HERE.glob("*.ipynb"))
OUTPUT_RULE = "clear all outputs before you commit: results belong to the reports, and here they would go stale"


def test_there_are_five():
    assert [path.stem[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04", "05"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_stripped(path):
    for number, cell in enumerate(json.loads(path.read_text())["cells"], 1):
        if cell["cell_type"] == "code":
            assert not cell["outputs"] and cell["execution_count"] is None, f"{path.name}, cell {number}: {OUTPUT_RULE}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_predicts_compares_and_asks(path):
    cells = json.loads(path.read_text())["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells)
    for part in ("## Predict", "runs.load()", "conclude(", "## Exercises", "wirerace check"):
        assert part in text, f"{path.name} has no `{part}`"
    assert text.index("## Predict") < text.index("conclude("), f"{path.name} compares before it predicts"


def test_exercises_name_questions_of_the_sheets():
    asked = set()
    for sheet in (HERE / "lab").glob("answers_*.toml"):
        asked |= {line.split(" = ")[0] for line in sheet.read_text().splitlines() if " = " in line and not line.startswith("#")}
    named = set()
    for path in NOTEBOOKS:
        cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "markdown"]
        exercises = "".join(cells[-1]["source"])
        words = {word for word in exercises.split("`")[1::2] if "_" in word and word.isidentifier()}
        assert words <= asked, f"{path.name} names {words - asked}, which no sheet asks"
        named |= words
    assert len(named) >= 15, "the notebooks should lead to most questions"


def test_the_recorded_run_is_what_its_files_say():
    run = runs.load(runs.RESULTS / runs.RECORDED)
    assert run.is_recorded and run.arms() == runs.LANES
    # The summary is made by another program: what is added up here from trials must be the same.
    for arm in runs.LANES:
        mine = run.trials[run.trials.arm == arm]
        assert len(mine) == run.summary[(run.summary.arm == arm) & (run.summary.quantity == "lost_quotes")].n.iloc[0]
        per_quote = 100 * mine.requests / mine.received
        assert per_quote.median() == pytest.approx(run.value(arm, "requests_per_100_quotes"), rel=1e-6)
        packets = sum(mine[f"{way}_{layer}"] for way in ("to_client", "to_server") for layer in ("payload", "framing", "heads", "tcp_ip_data", "tcp_ip_bare", "sent_again"))
        assert (packets / mine.received).median() == pytest.approx(run.value(arm, "packet_bytes_per_quote"), rel=1e-6)


def test_formulas_agree_with_the_suites_own():
    """The suite writes its theory into the summary, computed by another program from the same setting."""
    run = runs.load(runs.RESULTS / runs.RECORDED)
    for arm in runs.LANES:
        mine = run.trials[run.trials.arm == arm]
        expected = []
        for trial in mine.itertuples():
            seconds = trial.asked_s if trial.interval_s > 0 else trial.feed_s
            layers = theory.per_quote(arm, trial.quotes_each / seconds, trial.interval_s or 0.5, 0.0, 120, trial.quotes_each, w=0.00033)
            expected.append(theory.above_tcp(layers) + theory.set_up(arm) / trial.quotes_each)
        mean = sorted(expected)[len(expected) // 2]
        assert mean == pytest.approx(run.value(arm, "application_bytes_per_quote", "theory"), rel=0.01), arm
    least, _, most = theory.poll_lateness(0.5)
    assert 100 * theory.wrong_price_share(10.0, 4, least, most) == pytest.approx(run.value("poll", "wrong_price_share", "theory"), rel=0.03)


def test_long_poll_formula_holds_against_a_simulation():
    chance, rate, d = random.Random(3), 10.0, 0.1
    now, due = 0.0, []
    for _ in range(40_000):
        now += chance.expovariate(rate)
        due.append(now)
    late, answers, ready, k = 0.0, 0, 0.0, 0
    while k < len(due):
        answered = max(ready, due[k])
        answers += 1
        while k < len(due) and due[k] <= answered:
            late += answered + d - due[k]
            k += 1
        ready = answered + 2 * d
    assert late / len(due) == pytest.approx(theory.long_poll_lateness(rate, d), rel=0.01)
    assert answers / len(due) == pytest.approx(theory.long_poll_requests(rate, 2 * d), rel=0.01)


@pytest.mark.parametrize(("rate", "T"), [(1.4, 0.5), (20.0, 0.05), (500.0, 0.05)])
def test_staleness_of_the_newest_by_held_requests_holds_against_a_simulation(rate, T):
    chance, now, due = random.Random(5), 0.0, []
    for _ in range(60_000):
        now += chance.expovariate(rate)
        due.append(now)
    behind, shown, answers, answered, k = 0.0, 0.0, 0, 0.0, 0
    while k < len(due):
        answered = max(answered + T, due[k])
        while k < len(due) and due[k] <= answered:
            until = due[k + 1] if k + 1 < len(due) and due[k + 1] <= answered else answered
            behind += (due[k] - shown) * (until - due[k])
            k += 1
        shown, answers = due[k - 1], answers + 1
    assert behind / answered == pytest.approx(theory.newest_staleness("long-poll", rate, T), rel=0.02)
    one_answer = theory.newest_per_second("long-poll", 1e9, 1.0)
    assert answers / answered * one_answer == pytest.approx(theory.newest_per_second("long-poll", rate, T), rel=0.02)
    assert theory.newest_staleness("ws", rate, T) == theory.newest_staleness("poll", rate, T) == T / 2


def test_polls_that_do_not_fit_are_left_out():
    assert theory.polls_apart(0.25, theory.exchange(0.1, closed=True)) == 0.5
    assert theory.polls_apart(0.25, theory.exchange(0.1)) == 0.25
    assert theory.polls_apart(0.2, 0.4) == pytest.approx(0.4), "an exchange of exactly two intervals costs one poll, not two"


def test_frame_heads_are_those_of_the_standard():
    assert [theory.frame_head(size) for size in (0, 125, 126, 65_535, 65_536)] == [2, 2, 4, 4, 10]
    assert theory.frame_head(43, masked=True) == 6
    assert sum(theory.poisson(4.2)) == pytest.approx(1)
    assert math.isclose(theory.mean_digits(99), 189 / 99)


def test_recorded_exchanges_have_the_bytes_they_say():
    for title, writes in runs.exchanges().items():
        for direction, size, text in writes:
            if direction != "server":
                assert len(runs.raw(text)) == size, f"{title}: {direction}"


def test_a_prediction_that_does_not_hold_stops_on_the_recorded_run_only(capsys, monkeypatch):
    monkeypatch.delenv("WIRERACE_STRICT", raising=False)
    run = runs.load(runs.RESULTS / runs.RECORDED)
    wrong = matching.match([("bytes", 100, 120, 0.05, "bytes"), ("time", 1, 1.5, "1 ms", "ms")])
    assert list(wrong.holds) == [False, True]
    with pytest.raises(AssertionError, match="1 predictions do not hold"):
        matching.conclude(wrong, run)
    run.name = "mine"
    matching.conclude(wrong, run)
    assert "1 of 2 predictions hold" in capsys.readouterr().out


def test_strict_stops_on_any_run_where_nothing_is_left_to_chance(monkeypatch):
    run = runs.load(runs.RESULTS / runs.RECORDED)
    run.name = "mine"
    monkeypatch.setenv("WIRERACE_STRICT", "1")
    matching.conclude(matching.match([("poll, block 1: heads", 100, 120, 0.05, "bytes"), ("sse, block 1: framing", 30, 36, 0.05, "bytes")]), run)
    for certain in [("ws, block 1: payload", 120, 121, 0, "bytes"), ("ws, block 1: framing", 2, 4, 0.05, "bytes")]:
        with pytest.raises(AssertionError, match="1 predictions that nothing is left to chance in"):
            matching.conclude(matching.match([certain, ("time", 1, 1.5, 0.05, "ms")]), run)


def test_a_folder_without_a_run_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="no summary.csv"):
        runs.load(tmp_path)


def test_a_run_without_a_usable_trial_is_told(tmp_path):
    recorded = runs.RESULTS / runs.RECORDED
    for name in ("summary.csv", "summary.json", "manifest.json"):
        (tmp_path / name).write_bytes((recorded / name).read_bytes())
    trials = (recorded / "trials.jsonl").read_text()
    (tmp_path / "trials.jsonl").write_text(trials.replace('"standing":"valid"', '"standing":"tainted"'))
    with pytest.raises(ValueError, match="no trial of .* can be used"):
        runs.load(tmp_path)


def disturbed(trial, share, attempt=1):
    """The same trial, tainted: others took that share of a processor."""
    trial = json.loads(json.dumps(trial))
    cpu = trial["measured"]["cpu"]
    cpu.update(machine_us=cpu["server_us"] + cpu["load_us"] + int(share * cpu["wall_us"]), steal_us=0)
    trial.update(standing="tainted", attempt=attempt)
    return trial


def test_exact_cells_use_what_was_tainted_by_a_little_and_prefer_what_is_valid(tmp_path):
    recorded = runs.RESULTS / runs.RECORDED
    for name in ("summary.csv", "manifest.json"):
        (tmp_path / name).write_bytes((recorded / name).read_bytes())
    summary = json.loads((recorded / "summary.json").read_text())
    summary["cells"][0]["exact"] = True
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    trials = [json.loads(line) for line in (recorded / "trials.jsonl").read_text().splitlines()]
    # One of each block and arm, where there were several attempts.
    valid = {(trial["block"], trial["arm"]["name"]): trial for trial in trials if trial["standing"] == "valid"}
    much, little, both, *rest = valid.values()
    written = [disturbed(much, 1.9), disturbed(little, 0.1), both, disturbed(both, 0.1, attempt=9), *rest]
    (tmp_path / "trials.jsonl").write_text("\n".join(map(json.dumps, written)))
    used = runs.load(tmp_path).trials

    def of(trial):
        return used[(used.cell == trial["cell"]) & (used.block == trial["block"]) & (used.arm == trial["arm"]["name"])]

    assert of(much).empty, "disturbed by 190 % of a processor"
    assert len(of(little)) == 1 and of(little).lateness_mean_ms.isna().all(), "counts are used, times are not"
    assert len(of(both)) == 1 and of(both).lateness_mean_ms.notna().all(), "the valid attempt is used, not the later one"
    assert len(used) == len(rest) + 2


def test_the_recorded_sweep_has_fourteen_arms_at_three_rates():
    swept = runs.one_symbol_arms(runs.load(runs.RESULTS / runs.FRONTIER))
    assert len(swept) == 3 * 14 and sum(one.newest for one in swept) == 3 * 12
    assert {one.lane for one in swept} == {"poll", "long-poll", "sse", "ws"}
    assert {one.interval_s for one in swept if one.newest} == {0.05, 0.5, 2.0}
    for one in swept:
        nominal = float(one.cell.split(" ")[0])
        assert one.rate == pytest.approx(nominal, rel=0.5) and one.window_rate == pytest.approx(nominal, rel=0.7), one
    assert runs.one_symbol_arms(runs.load(runs.RESULTS / runs.RECORDED)) == [], "four symbols: no formula for the newest"


def test_files_of_an_older_version_are_read():
    run = runs.load(runs.RESULTS / "2026-11-20-transports")
    assert run.arms() == runs.LANES and len(run.trials) == 30
    assert run.trials.clients.eq(20).all()
