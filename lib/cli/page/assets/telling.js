/** What screen readers are told. */

import { fill, h } from "./dom.js";

const $ = (id) => document.getElementById(id);

/** So many are kept: a reader that is slow goes on with them. */
const TOLD_MAX = 20;

/** Says it once what is being read is read. */
export function tell(text) {
  const box = $("announcer");
  box.append(h("p", {}, text));
  while (box.childElementCount > TOLD_MAX) box.firstChild.remove();
}

/** Says it at once; the same once more is said once more. */
export function alarm(text) {
  fill($("alarm"), h("p", {}, text));
}
