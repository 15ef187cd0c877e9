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
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
    return figure, axes


def lane_style(lane, **more):
    """Colour, dash and marker of a lane, for `plot`."""
    style = {"color": COLOUR.get(lane, "#555555"), "linestyle": DASH.get(lane, "solid"), "marker": MARKER.get(lane, "x")}
    return {**style, "fillstyle": FILL.get(lane, "full"), "label": lane, **more}


def plain_logarithmic(axes, x=False, y=False):
    """Logarithmic axes whose labels are numbers: 0.1, 10, 1,000."""
    for wanted, axis, scale in ((x, axes.xaxis, axes.set_xscale), (y, axes.yaxis, axes.set_yscale)):
        if wanted:
            scale("log")
            axis.set_major_formatter(lambda value, _: f"{value:,.10g}")
            axis.set_minor_formatter(lambda value, _: "")
