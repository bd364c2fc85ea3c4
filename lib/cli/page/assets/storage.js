/** What a window keeps, and the browser: where the user lets pages keep nothing, it is kept until the page is closed. */

function keeping(storageOf) {
  const instead = new Map();
  const attempt = (use, otherwise) => {
    try {
      return use(storageOf());
    } catch (error) {
      // Forbidden, or full.
      if (error instanceof DOMException) return otherwise();
      throw error;
    }
  };
  return {
    get: (key) =>
      attempt((storage) => storage.getItem(key), () => null) ?? instead.get(key) ?? null,
    set: (key, value) =>
      attempt((storage) => storage.setItem(key, value), () => void instead.set(key, value)),
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

export const isText = (one) => typeof one === "string";
export const isPair = (one) => Array.isArray(one) && one.length === 2 && one.every(isText);
