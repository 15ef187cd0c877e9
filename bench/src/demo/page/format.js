// Numbers as people read them: three significant digits, and the unit that fits.

export const NOTHING = "–";

export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return NOTHING;
  if (!Number.isFinite(value)) return "∞";
  const size = Math.abs(value);
  const decimals = size >= 99.95 || size === 0 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : 3;
  let text = size.toFixed(decimals);
  if (decimals > 0) text = text.replace(/\.?0+$/, "");
  if (size >= 1000) text = text.replace(/\B(?=(\d{3})+$)/g, ",");
  return value < 0 && text !== "0" ? `−${text}` : text;
}

/** A duration in milliseconds: `81 µs`, `12.3 ms`, `1.5 s`. */
export function duration(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return number(ms);
  const size = Math.abs(ms);
  if (size === 0) return "0 ms";
  if (size < 0.9995) return `${number(Math.round(ms * 1000))} µs`;
  return size < 999.5 ? `${number(ms)} ms` : `${number(ms / 1000)} s`;
}

/** A number of bytes: `236 B`, `1.2 kB`, `3.4 MB`. */
export function bytes(count) {
  if (count === null || count === undefined || !Number.isFinite(count)) return number(count);
  if (count < 999.5) return `${number(count)} B`;
  return count < 999_500 ? `${number(count / 1e3)} kB` : `${number(count / 1e6)} MB`;
}

/** A price of the feed: four decimals, always. */
export function price(value) {
  return value === undefined ? NOTHING : value.toFixed(4);
}

/** A percentile of some numbers, `share` 0.5 for the middle; they are put in order by this. */
export function percentile(values, share) {
  if (values.length === 0) return NaN;
  // Typed arrays are put in order as numbers, and far quicker than by a function; other arrays would be as texts.
  if (ArrayBuffer.isView(values)) values.sort();
  else values.sort((a, b) => a - b);
  return values[Math.min(values.length - 1, Math.max(0, Math.ceil(share * values.length) - 1))];
}
