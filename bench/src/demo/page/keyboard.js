// Everything by keyboard. Keys that belong to the field being typed in are left to it.

const TYPING = new Set(["INPUT", "SELECT", "TEXTAREA"]);

/** `deeds`: a function per key; keys 1 to 9 call `deeds.lane(n)`. */
export function listen(deeds) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return; // it has keys of its own
    const { target, key } = event;
    const typing = TYPING.has(target.tagName) && target.type !== "radio" && target.type !== "range";
    if (typing) return;
    // A button is pressed by the space bar; elsewhere that pauses.
    if (key === " " && (target.tagName === "BUTTON" || target.tagName === "SUMMARY" || target.type === "radio")) return;
    const deed = /^[1-9]$/.test(key) ? () => deeds.lane(Number(key)) : deeds[key.toLowerCase()];
    if (!deed) return;
    event.preventDefault();
    deed();
  });
}
