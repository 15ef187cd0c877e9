"""The few things that all charts here share: the colours, dashes and names of lanes, as in the suite's own report."""

import matplotlib.pyplot as plt

COLOUR = {"poll-close": "#D55E00", "poll": "#D55E00", "long-poll": "#E69F00", "sse": "#009E73", "ws": "#0072B2"}
DASH = {"poll-close": (0, (2, 2)), "poll": "dashed", "long-poll": "dashdot", "sse": "dotted", "ws": "solid"}
MARKER = {"poll-close": "s", "poll": "s", "long-poll": "D", "sse": "^", "ws": "o"}
FILL = {"poll-close": "none", "poll": "full"}
LAYERS = {
    "payload": "#3B4B59",
    "framing": "#CC79A7",
    "heads": "#E69F00",
    "TCP/IP heads": "#56B4E9",
    "bare acks": "#BBC4CC",
}


def start(title, xlabel, ylabel, size=(8.5, 4.6)):
    """A figure with one set of axes, its title in a sentence."""
    figure, axes = plt.subplots(figsize=size, layout="constrained")
    axes.set_title(title, loc="left", fontsize=12)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    _plain(axes)
    return figure, axes


def start_beside(title, names, xlabel, ylabel, size=(11, 4.8)):
    """The same with one set of axes for each name, beside each other; they share what goes up."""
    figure, rows = plt.subplots(1, len(names), figsize=size, sharey=True, squeeze=False, layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    rows[0][0].set_ylabel(ylabel)
    for axes, name in zip(rows[0], names):
        axes.set_title(name, loc="left", fontsize=11)
        axes.set_xlabel(xlabel)
        _plain(axes)
    return figure, list(rows[0])


def _plain(axes):
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)


def lane_style(lane, **more):
    """Colour, dash and marker of a lane, for `plot`."""
    style = {"color": COLOUR.get(lane, "#555555"), "linestyle": DASH.get(lane, "solid"), "marker": MARKER.get(lane, "x")}
    return {**style, "fillstyle": FILL.get(lane, "full"), "label": lane, **more}


def point(axes, x, y, **style):
    """A measured point: x and y are (median, low, high). Bars go from low to high; without an interval there is no bar."""
    if not (x[0] > 0 and y[0] > 0):
        return  # not measured, or without a place on logarithmic axes
    (left, right), (below, above) = ((max(0, median - low), max(0, high - median)) for median, low, high in (x, y))
    axes.errorbar(x[0], y[0], xerr=[[left], [right]], yerr=[[below], [above]], fmt="none", ecolor=style["color"], capsize=3)
    axes.plot([x[0]], [y[0]], **style)


def plain_logarithmic(axes, x=False, y=False):
    """Logarithmic axes whose labels are numbers: 0.1, 10, 1,000."""
    for wanted, axis, scale in ((x, axes.xaxis, axes.set_xscale), (y, axes.yaxis, axes.set_yscale)):
        if wanted:
            scale("log")
            axis.set_major_formatter(lambda value, _: f"{value:,.10g}")
            axis.set_minor_formatter(lambda value, _: "")
