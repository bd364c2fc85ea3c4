/** What follows from a text alone, and so is the same in each window and after each restart. */

/** 32 bits of it (FNV-1a). */
export function hashOf(text) {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
