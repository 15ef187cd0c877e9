// How a lane looks, the same everywhere: colour, dash, marker and a letter, so that nothing is told by colour alone.

const DASHES = { solid: [], dashed: [9, 6], dash_dot: [10, 4, 2, 4], dotted: [2, 5] };
const LETTERS = { "poll-close": "C", poll: "P", "long-poll": "L", sse: "S", ws: "W" };
const NAMES = { "poll-close": "Polling, closed", poll: "Polling, kept" };

/** The outline of a marker around 0, 0, as path data for SVG and canvas alike. */
export function outline(marker, size) {
  const r = size / 2;
  switch (marker) {
    case "square": return `M${-r} ${-r}H${r}V${r}H${-r}Z`;
    case "diamond": return `M0 ${-r * 1.3}L${r * 1.3} 0L0 ${r * 1.3}L${-r * 1.3} 0Z`;
    case "triangle": return `M0 ${-r * 1.2}L${r * 1.2} ${r}H${-r * 1.2}Z`;
    default: return `M${-r} 0A${r} ${r} 0 1 0 ${r} 0A${r} ${r} 0 1 0 ${-r} 0Z`;
  }
}

/** What a lane of the server's list looks like. Of two alike the one that closes its connections is drawn hollow. */
export function lookOf(lane, index) {
  return {
    id: lane.id, name: NAMES[lane.id] ?? lane.title, letter: LETTERS[lane.id] ?? String(index + 1), key: String(index + 1),
    colour: lane.colour, dash: DASHES[lane.dash] ?? [], marker: lane.marker, hollow: lane.id === "poll-close",
  };
}

/** A short sample of the line with its marker, as it stands in charts. */
export function sample(look) {
  const svg = (name, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const picture = svg("svg", { viewBox: "-20 -8 40 16", class: "sample", "aria-hidden": "true" });
  picture.append(
    svg("path", { d: "M-19 0H19", stroke: look.colour, "stroke-width": 3, "stroke-dasharray": look.dash.join(" ") }),
    svg("path", {
      d: outline(look.marker, 9), stroke: look.colour, "stroke-width": 2.5, class: look.hollow ? "hollow" : "",
      ...(look.hollow ? {} : { fill: look.colour }),
    }),
  );
  return picture;
}

/** Makes a canvas as sharp as the screen. Gives its context, width and height in pixels of the page, and how many of the screen's such a pixel has. */
export function prepare(canvas) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height, ratio };
}

/** How often a picture is drawn that stands outside of what is seen of the page. */
const UNSEEN_EVERY_MS = 250;

/** A canvas that is drawn again only where that changes what people see: without a graphics card a processor does all drawing. */
export class Picture {
  constructor(canvas) {
    Object.assign(this, { canvas, shows: "", drawn: -Infinity, isSeen: true });
    this.observer = new IntersectionObserver((entries) => (this.isSeen = entries.at(-1).isIntersecting));
    this.observer.observe(canvas);
  }

  /** Calls `draw` if the picture would be another one: `sight` is all that it depends on but size and colours. `isStill`: another one is not soon to come. */
  show(now, sight, isStill, ink, draw) {
    const { clientWidth, clientHeight } = this.canvas;
    const shows = [...sight, clientWidth, clientHeight, devicePixelRatio, ink.paper, ink.font_px].join();
    if (shows === this.shows || (!this.isSeen && !isStill && now - this.drawn < UNSEEN_EVERY_MS)) return;
    Object.assign(this, { shows, drawn: now });
    // The projector shows one of two.
    if (clientWidth > 0 && clientHeight > 0) draw();
  }
}
