// What the race has shown: the server's sentences, in the words of the report, and the figures they rest on.

import { NOTHING, bytes, duration, number } from "./format.js";

/** Sends the recorded run to the server. Gives its answer, or throws one sentence. */
export async function send(body) {
  const response = await fetch("/run", {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({ error: `the server answered ${response.status}` }));
  if (!response.ok) throw new Error(answer.error ?? `the server answered ${response.status}`);
  return answer;
}

const COLUMNS = ["Lane", "After the first, median", "99 % within", "After it was due, median", "Stale, mean", "Lost", "Bytes per quote"];

export class Verdict {
  constructor(section, looks) {
    Object.assign(this, { section, looks });
    this.title = section.querySelector("h2");
    this.words = section.querySelector("[data-words]");
    this.table = section.querySelector("table");
    this.more = section.querySelector("[data-more]");
  }

  hide() {
    this.section.hidden = true;
  }

  /** `lanes`: what the page saw, by lane; `answer`: the server's, or null with `trouble` saying why. */
  show(lanes, answer, trouble, notes, isNewest, title = "What this race has shown") {
    this.title.textContent = title;
    const sentences = answer ? answer.verdict : [`The run could not be judged: ${trouble}.`];
    this.words.replaceChildren(...sentences.map((text) => Object.assign(document.createElement("p"), { textContent: text })));
    this.fill(lanes, answer?.lanes ?? {}, isNewest);
    this.more.replaceChildren(...notes.map((text) => Object.assign(document.createElement("p"), { textContent: text })));
    if (answer) this.download(answer);
    this.section.hidden = false;
  }

  /** Where only the newest count, lanes show different quotes: none is after another. */
  fill(lanes, judged, isNewest) {
    this.table.replaceChildren();
    const head = this.table.createTHead().insertRow();
    for (const title of COLUMNS) head.append(Object.assign(document.createElement("th"), { textContent: title, scope: "col" }));
    const body = this.table.createTBody();
    for (const look of this.looks) {
      const seen = lanes[look.id] ?? {}, lane = judged[look.id] ?? {};
      const row = body.insertRow();
      row.dataset.lane = look.id;
      row.append(Object.assign(document.createElement("th"), { textContent: `${look.name} (${look.id})`, scope: "row" }));
      const cells = [
        isNewest ? NOTHING : duration(seen.late_ms), isNewest ? NOTHING : duration(seen.late_p99_ms), duration(lane.p50_ms),
        duration(lane.staleness_mean_ms), number(lane.lost ?? seen.lost),
        bytes(seen.bytes),
      ];
      for (const text of cells) row.insertCell().textContent = text;
    }
  }

  download({ download, id }) {
    const link = Object.assign(document.createElement("a"), { href: download, textContent: "Download this run", className: "download" });
    link.setAttribute("download", `${id}.json`);
    const line = document.createElement("p");
    line.append(link, ", then ", Object.assign(document.createElement("code"), { textContent: `wirerace report ${id}.json` }), " draws its charts.");
    this.more.prepend(line);
  }
}
