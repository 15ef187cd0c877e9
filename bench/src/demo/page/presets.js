// Settings with a question each.

export const PRESETS = [
  {
    name: "Chat",
    knobs: { rate_per_s: 0.5, interval_ms: 3000, rtt_ms: 30, payload_bytes: 300, cookie_bytes: 400, delivery: "every" },
    question: "A message every two seconds. How many of the polls bring one?",
  },
  {
    name: "Ticker",
    knobs: { rate_per_s: 10, interval_ms: 1000, rtt_ms: 30, payload_bytes: 120, cookie_bytes: 0, delivery: "every" },
    question: "Ten quotes a second, a poll each second. How late is a polled price, at the median?",
  },
  {
    name: "Market data",
    knobs: { rate_per_s: 100, interval_ms: 250, rtt_ms: 200, payload_bytes: 120, cookie_bytes: 0, delivery: "every" },
    question: "Far away, and fast. Long polling has to ask again each time: what does that cost it here?",
  },
  {
    name: "Dashboard",
    knobs: { rate_per_s: 50, interval_ms: 1000, rtt_ms: 30, payload_bytes: 120, cookie_bytes: 0, delivery: "newest" },
    question: "Only the newest counts, and the screen changes once a second. Who is still ahead, and by how much?",
  },
  {
    name: "Beat the WebSocket",
    knobs: { rate_per_s: 200, interval_ms: 2000, rtt_ms: 0, payload_bytes: 120, cookie_bytes: 0, delivery: "every" },
    question: "Polling can win here. In which figure, and what does it pay for that?",
  },
];

/** A button per preset; `choose` gets its knobs. */
export function showPresets(list, questionNode, choose) {
  for (const preset of PRESETS) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: preset.name });
    button.addEventListener("click", () => {
      for (const other of list.children) other.setAttribute("aria-pressed", String(other === button));
      questionNode.textContent = preset.question;
      choose(preset.knobs);
    });
    button.setAttribute("aria-pressed", "false");
    list.append(button);
  }
}
