// Everything by keyboard. Keys that belong to the field being typed in are left to it.

const TYPING = new Set(["INPUT", "SELECT", "TEXTAREA"]);

/** `deeds`: a function per key; keys 1 to 9 call `deeds.lane(n)`. */
export function listen(deeds) {
  handBack();
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return; // it has keys of its own
    const { target, key } = event;
    // Who is done with a field has the keys of the page again.
    if (TYPING.has(target.tagName) && (key === "Enter" || key === "Escape")) return target.blur();
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

/** What was clicked does not keep the keys: else the space bar, after a click on Start, would stop. Who uses the keyboard keeps the place. */
function handBack() {
  let byPointer = false;
  addEventListener("keydown", () => (byPointer = false), true);
  addEventListener("pointerdown", () => (byPointer = true), true);
  // Before the button's own deed: a dialog gives the focus back to whoever had it then. Pressed by a key, a click has no detail.
  addEventListener("click", ({ detail, target }) => detail > 0 && target.closest("button, summary")?.blur(), true);
  // A click on a radio button's words gives the button the focus later than one on itself: so whenever it comes.
  addEventListener("focusin", ({ target }) => byPointer && target.type === "radio" && target.blur());
  addEventListener("change", ({ target }) => target.tagName === "SELECT" && byPointer && target.blur());
}
