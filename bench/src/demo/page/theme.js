// Light or dark, the projector's large type, and whether the picture may move.

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const dark = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;

export class Theme {
  constructor(changed) {
    this.changed = changed;
    this.button = document.getElementById("theme");
    this.projectorButton = document.getElementById("projector");
    this.button.addEventListener("click", () => this.set(this.isDark ? "light" : "dark"));
    this.projectorButton.addEventListener("click", () => this.toggleProjector());
    dark.addEventListener("change", () => this.show());
    this.show();
  }

  get isDark() {
    return root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
  }

  get projector() {
    return root.dataset.projector === "on";
  }

  get reducedMotion() {
    return calm.matches;
  }

  set(theme) {
    root.dataset.theme = theme;
    this.show();
  }

  toggleProjector() {
    root.dataset.projector = this.projector ? "off" : "on";
    this.show();
  }

  show() {
    this.mixed = null;
    this.button.textContent = this.isDark ? "Light" : "Dark";
    this.projectorButton.setAttribute("aria-pressed", String(this.projector));
    this.changed(this);
  }

  /** What canvases draw with: they do not read style sheets. Read once for each theme: that costs too much for every frame. */
  get ink() {
    return (this.mixed ??= this.mix());
  }

  mix() {
    const style = getComputedStyle(root);
    const of = (name) => style.getPropertyValue(name).trim();
    return {
      paper: of("--paper"), text: of("--text"), muted: of("--muted"), line: of("--line"), tint: of("--tint"),
      wasted: of("--wasted"), font_px: this.projector ? 24 : 12, line_px: this.projector ? 3 : 1.75,
      mark_px: this.projector ? 9 : 6,
    };
  }
}
