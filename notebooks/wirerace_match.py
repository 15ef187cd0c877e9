"""Prediction beside measurement: how well do they match, in numbers, and does it hold?"""

import pandas as pd


def match(rows):
    """A table from (what, predicted, measured, tolerance, unit). A tolerance is a share, or a number with the unit as text:
    `0.05`, `"1 ms"`. Rows without a prediction or a measurement are left out."""
    table = []
    for what, predicted, measured, tolerance, unit in rows:
        if pd.isna(predicted) or pd.isna(measured):
            continue
        off = measured - predicted
        allowed = float(tolerance.split()[0]) if isinstance(tolerance, str) else tolerance * abs(predicted)
        share = off / predicted if predicted else float("nan")
        table.append((what, unit, predicted, measured, off, 100 * share, abs(off) <= allowed + 1e-9 * abs(predicted)))
    return pd.DataFrame(table, columns=["what", "unit", "predicted", "measured", "off", "off %", "holds"])


def conclude(table, run):
    """Prints the match. On the recorded run a prediction that does not hold is an error of ours: the notebook stops there. A run of
    one's own may differ, and then says where."""
    missed = table[~table.holds]
    if table.empty:
        print("Nothing to compare: this run has no trial that the formulas here speak of.")
        return
    worst = table["off %"].abs().max()
    print(f"{len(table) - len(missed)} of {len(table)} predictions hold; the largest is off by {worst:.3g} %.")
    if len(missed):
        print(missed.to_string(index=False, float_format=lambda v: f"{v:.4g}"))
    if len(missed) and run.is_recorded:
        raise AssertionError(f"{len(missed)} predictions do not hold on the recorded run: a formula or the loading is wrong")
