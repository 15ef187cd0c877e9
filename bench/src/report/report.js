// Adds to the page what a script can: a switch of colours, tables that sort, and pictures and numbers to take away.
// Everything it shows is read from the page; nothing is fetched.
(function () {
  "use strict";
  const all = (selector, within) => Array.from((within || document).querySelectorAll(selector));
  const plain = (node) => node.textContent.replace(/\u00a0/g, " ").replace(/\s+/g, " ").trim();

  // Colours: as the system, or as the reader says.
  const theme = document.getElementById("theme");
  theme.parentElement.hidden = false;
  theme.addEventListener("change", () => {
    if (theme.value) document.documentElement.dataset.theme = theme.value;
    else delete document.documentElement.dataset.theme;
  });

  // What does not scroll need not be stopped at with the keyboard.
  const boxes = all(".scroll");
  const reach = () => boxes.forEach((box) => {
    const wide = box.scrollWidth > box.clientWidth;
    box.classList.toggle("wide", wide);
    if (wide) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
  window.addEventListener("resize", reach);
  document.addEventListener("toggle", reach, true);
  reach();

  // What is printed is what can be seen: the numbers of the charts too.
  const folded = [];
  window.addEventListener("beforeprint", () => all("figure details:not([open])").forEach((part) => {
    part.open = true;
    folded.push(part);
  }));
  window.addEventListener("afterprint", () => folded.splice(0).forEach((part) => { part.open = false; }));

  // Sorting. Values carry units that fit them, so 2 s must come after 900 ms.
  const units = { "ns": 1e-6, "µs": 1e-3, "ms": 1, "s": 1e3, "B": 1, "kB": 1e3, "MB": 1e6, "B/s": 1, "kB/s": 1e3, "MB/s": 1e6 };
  const number = /^[^0-9∞+−-]*([+−-]?)(∞|[0-9][0-9,]*(?:\.[0-9]+)?)(?: ([a-zµA-Z]+(?:\/s)?))?/;
  const key = (text) => {
    if (text === "" || text === "–") return { missing: true };
    // Only what begins like a number is one: "WebSocket 2" is a name.
    const found = /^[×+−\-0-9∞]/.test(text) ? number.exec(text) : null;
    if (!found) return { text: text };
    const size = found[2] === "∞" ? Infinity : parseFloat(found[2].replace(/,/g, ""));
    const sign = found[1] === "−" || found[1] === "-" ? -1 : 1;
    return { value: sign * size * (units[found[3]] || 1) };
  };
  const order = (a, b) => {
    if ("value" in a && "value" in b) return a.value === b.value ? 0 : a.value - b.value;
    if ("value" in a) return -1;
    if ("value" in b) return 1;
    return a.text.localeCompare(b.text, "en", { numeric: true });
  };
  const sort = (table, head, column) => {
    const falling = head.getAttribute("aria-sort") === "ascending";
    all("th[aria-sort]", table).forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = Array.from(body.rows).map((row) => ({ row: row, key: key(plain(row.cells[column])) }));
    // What was not measured stays last, whichever way.
    rows.sort((a, b) => {
      if (a.key.missing || b.key.missing) return (a.key.missing ? 1 : 0) - (b.key.missing ? 1 : 0);
      return falling ? order(b.key, a.key) : order(a.key, b.key);
    });
    rows.forEach((entry) => body.appendChild(entry.row));
  };
  all("table[data-sortable]").filter((table) => table.tBodies[0].rows.length > 1).forEach((table) => {
    all("thead th", table).forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => sort(table, head, column));
    });
  });

  // The values of a chart's parts: under a pointer, or with the keyboard over a row of names.
  all("figure svg.chart").forEach((svg) => {
    const readout = svg.closest("figure").querySelector(".readout");
    const parts = all("g", svg).filter((part) => part.querySelector(":scope > title"));
    if (!readout || parts.length === 0) return;
    const words = (part) => plain(part.querySelector(":scope > title"));
    const show = (part) => {
      svg.classList.toggle("picked", part !== null);
      parts.forEach((other) => other.classList.toggle("pick", other === part));
      text.textContent = part ? words(part) : "Values: point at a line or bar, or choose one here.";
    };
    const text = document.createElement("span");
    const series = parts.filter((part) => part.classList.contains("series"));
    const named = series.length > 0 ? series : parts;
    named.forEach((part, i) => {
      const label = words(part).split(":")[0];
      const twin = named.slice(0, i).some((before) => words(before).split(":")[0] === label);
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = twin ? label + " (2)" : label;
      ["focus", "mouseenter", "click"].forEach((event) => button.addEventListener(event, () => {
        show(part);
        announce(words(part), event === "focus");
      }));
      ["blur", "mouseleave"].forEach((event) => button.addEventListener(event, () => show(null)));
      readout.append(button, " ");
    });
    readout.append(text);
    readout.hidden = false;
    // A line is two pixels wide: what is near counts as under the pointer.
    const near = [[0, 0], [0, -5], [0, 5], [-5, 0], [5, 0], [-4, -4], [4, 4], [-4, 4], [4, -4]];
    svg.addEventListener("pointermove", (event) => {
      const at = near.map((by) => document.elementFromPoint(event.clientX + by[0], event.clientY + by[1]));
      const found = at.map((node) => node && parts.find((part) => part.contains(node))).find((part) => part);
      show(found || null);
    });
    svg.addEventListener("pointerleave", () => show(null));
    show(null);
  });

  // One place that tells those who hear the page what has happened.
  const live = document.createElement("p");
  live.className = "heard";
  live.setAttribute("role", "status");
  document.querySelector("main").append(live);
  function announce(words, focused) {
    if (focused) live.textContent = words;
  }

  // What a reader may take away.
  const rowsOf = (table) => all("tr", table).map((row) => Array.from(row.cells).map(plain));
  const cell = (text) => text.replace(/[\\|*_[\]<>#]/g, "\\$&");
  const markdownOf = (table) => {
    const lines = rowsOf(table).map((row) => "| " + row.map(cell).join(" | ") + " |");
    lines.splice(1, 0, "|" + " --- |".repeat(table.tHead.rows[0].cells.length));
    return lines.join("\n");
  };
  const markdown = (figure) => {
    const heading = figure.querySelector("h4") || figure.parentElement.querySelector("h2, h3");
    const says = figure.querySelector(".says");
    const caption = figure.querySelector("figcaption");
    const table = figure.querySelector("table");
    const text = ["**" + plain(heading) + "**", says && plain(says), table && markdownOf(table), caption && plain(caption)];
    return text.filter((part) => part).join("\n\n") + "\n";
  };
  const csv = (figure) => {
    const field = (text) => /[",\r\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
    return rowsOf(figure.querySelector("table")).map((row) => row.map(field).join(",")).join("\r\n") + "\r\n";
  };
  // On the page the heading stands above the picture; alone the picture carries it.
  const picture = (figure) => {
    const svg = figure.querySelector("svg.chart").cloneNode(true);
    const box = svg.getAttribute("viewBox").split(" ").map(Number);
    const scale = box[2] / Number(svg.getAttribute("width"));
    const rise = 34 * scale;
    svg.setAttribute("viewBox", [0, -rise, box[2], box[3] + rise].join(" "));
    svg.setAttribute("height", String(Math.ceil((box[3] + rise) / scale)));
    svg.classList.remove("picked");
    all(".pick", svg).forEach((part) => part.classList.remove("pick"));
    const make = (name, attributes) => {
      const node = document.createElementNS("http://www.w3.org/2000/svg", name);
      Object.keys(attributes).forEach((name) => node.setAttribute(name, attributes[name]));
      return node;
    };
    const paper = make("rect", { x: 0, y: -rise, width: box[2], height: rise, fill: "#FFFFFF" });
    const title = make("text", { x: 18 * scale, y: -6 * scale, "font-size": 20 * scale, "font-weight": "bold", fill: "#1B1F24" });
    title.textContent = plain(figure.querySelector("h4"));
    svg.append(paper, title);
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + new XMLSerializer().serializeToString(svg) + "\n";
  };
  const download = (name, type, text) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const copy = (text) => {
    const byHand = () => {
      const field = document.createElement("textarea");
      field.value = text;
      document.body.append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      return done ? Promise.resolve() : Promise.reject(new Error("not allowed"));
    };
    if (!navigator.clipboard) return byHand();
    return navigator.clipboard.writeText(text).catch(byHand);
  };
  all(".tools").forEach((tools) => {
    tools.hidden = false;
    const figure = tools.closest("figure");
    tools.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      const name = tools.dataset.name;
      const told = (words) => {
        const before = button.dataset.words || button.textContent;
        button.dataset.words = before;
        button.textContent = words;
        announce(words, true);
        setTimeout(() => { button.textContent = before; }, 2000);
      };
      if (button.dataset.take === "markdown") {
        copy(markdown(figure)).then(() => told("Copied"), () => told("Copying was not allowed"));
      } else if (button.dataset.take === "svg") {
        download(name + ".svg", "image/svg+xml", picture(figure));
      } else {
        download(name + ".csv", "text/csv", csv(figure));
      }
    });
  });
})();
