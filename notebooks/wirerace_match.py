"""Prediction beside measurement: how well do they match, in numbers, and does it hold?"""

import os

import pandas as pd

# Names of rows that nothing is left to chance in, although their tolerance is that of their table.
FRAME_HEADS = r"^ws, .*: framing$"


def match(rows):
    """A table from (what, predicted, measured, tolerance, unit). A tolerance is a share, or a number with the unit as text:
    `0.05`, `"1 ms"`; 0 means that it is met exactly. Rows without a prediction or a measurement are left out."""
    table = []
    for what, predicted, measured, tolerance, unit in rows:
        if pd.isna(predicted) or pd.isna(measured):
            continue
        off = measured - predicted
        given = float(tolerance.split()[0]) if isinstance(tolerance, str) else tolerance
        allowed = given if isinstance(tolerance, str) else given * abs(predicted)
        share = off / predicted if predicted else float("nan")
        holds = abs(off) <= allowed + 1e-9 * abs(predicted)
        table.append((what, unit, predicted, measured, off, 100 * share, given == 0, holds))
    return pd.DataFrame(table, columns=["what", "unit", "predicted", "measured", "off", "off %", "exact", "holds"])


def conclude(table, run):
    """Prints the match. On the recorded run a prediction that does not hold is an error of ours: the notebook stops there. A run of
    one's own may differ, and then says where. With WIRERACE_STRICT set any run stops where nothing is left to chance: at what is to be
    met exactly, and at the heads of frames."""
    missed = table[~table.holds]
    if table.empty:
        print("Nothing to compare: this run has no trial that the formulas here speak of.")
        return
    worst = table["off %"].abs().max()
    print(f"{len(table) - len(missed)} of {len(table)} predictions hold; the largest is off by {worst:.3g} %.")
    if not len(missed):
        return
    print(missed.to_string(index=False, float_format=lambda v: f"{v:.4g}"))
    if run.is_recorded:
        raise AssertionError(f"{len(missed)} predictions do not hold on the recorded run: a formula or the loading is wrong")
    certain = missed[missed.exact | missed.what.str.contains(FRAME_HEADS)]
    if os.environ.get("WIRERACE_STRICT") and len(certain):
        raise AssertionError(f"{len(certain)} predictions that nothing is left to chance in do not hold on {run.name}")
