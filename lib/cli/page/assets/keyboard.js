/** Keys that do something wherever one is on the page. */

const $ = (id) => document.getElementById(id);

/** `keyCode` of a key that an input method has taken. */
const OF_INPUT_METHOD = 229;

/**
 * Whether a key was for an input method, with which one writes Japanese, say: it chose, or gave up, what was being
 * composed. Of the one that ends that Safari says so by its code alone.
 */
export function isComposing(event) {
  return event.isComposing || event.keyCode === OF_INPUT_METHOD;
}

/** @param act `places` in their order, the `current` one's id; `select`, `keys` and `escape` do something. */
export function pressed(event, act) {
  const { key, altKey, ctrlKey, metaKey } = event;
  if (event.defaultPrevented || isComposing(event)) return;
  if (document.querySelector("dialog[open]") !== null) return;
  if (altKey && (key === "ArrowUp" || key === "ArrowDown")) goBy(key === "ArrowUp" ? -1 : 1, act);
  else if (altKey && /^[1-9]$/.test(key) && act.places()[key - 1] !== undefined) {
    act.select(act.places()[key - 1].id);
  } else if (altKey && key.toLowerCase() === "a") {
    const next = act.places().find(({ unread }) => unread > 0);
    if (next === undefined) return;
    act.select(next.id);
  } else if ((ctrlKey || metaKey) && key === "/") act.keys();
  else if (key === "Escape") act.escape();
  else if ((key === "PageUp" || key === "PageDown") && event.target === $("text")) {
    const view = $("timeline");
    view.scrollBy(0, (key === "PageUp" ? -0.9 : 0.9) * view.clientHeight);
  } else return;
  event.preventDefault();
}

function goBy(step, act) {
  const places = act.places();
  const at = places.findIndex(({ id }) => id === act.current());
  act.select(places.at((at + step + places.length) % places.length).id);
}
