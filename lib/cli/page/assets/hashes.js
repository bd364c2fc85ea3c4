/** What follows from a text alone, and so is the same in each window and after each restart. */

/** 32 bits of it (FNV-1a). */
export function hashOf(text) {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** Hues that people have: not those of warnings and errors, and not that of what is one's own. */
const HUES = [[225, 380], [100, 180]];

/** A person's colour, by their key: degrees of hue. */
export function hueOf(key) {
  let left = hashOf(key) % HUES.reduce((sum, [start, end]) => sum + end - start, 0);
  for (const [start, end] of HUES) {
    if (left < end - start) return start + left;
    left -= end - start;
  }
}
