/** What a window keeps, and the browser: nothing where the user lets pages keep nothing. */

function keeping(storageOf) {
  const attempt = (use) => {
    try {
      return use(storageOf());
    } catch (error) {
      if (error instanceof DOMException) return null; // forbidden, or full
      throw error;
    }
  };
  return {
    get: (key) => attempt((storage) => storage.getItem(key)),
    set: (key, value) => attempt((storage) => storage.setItem(key, value)),
  };
}

/** Over a reload, for this window alone. */
export const ofWindow = keeping(() => sessionStorage);
/** For all windows, and later ones. */
export const ofBrowser = keeping(() => localStorage);

/**
 * A list that is kept, as JSON: those of it that `fits` takes. What isn't one is none: what is kept may be damaged, or that
 * of another version.
 */
export function listIn(storage, key, fits) {
  try {
    const list = JSON.parse(storage.get(key) ?? "[]");
    return Array.isArray(list) ? list.filter(fits) : [];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

const isText = (one) => typeof one === "string";
export const isPair = (one) => Array.isArray(one) && one.length === 2 && one.every(isText);

/** Without what has been in it for longest, where it is more. */
export const bound = (all, max) => all.size > max && all.delete(all.keys().next().value);

/** 32 bits of a text (FNV-1a): the same in each window and after each restart. */
export function hashOf(text) {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
