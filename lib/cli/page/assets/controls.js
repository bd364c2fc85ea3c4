/** The page's buttons and what else is always there: what they look like, and what they do. */

import { fill, icon } from "./dom.js";
import { listenToDrops } from "./drops.js";
import { hint } from "./entering.js";
import { barTools } from "./frame.js";
import { placeActions } from "./place_menu.js";
import { peopleOf } from "./places.js";
import { closeSide, followWidth, openSide } from "./side.js";
import { titleOf } from "./sidebar.js";

const $ = (id) => document.getElementById(id);

const ICONS = { "close-side": "close", "open-side": "menu", attach: "attach", send: "send" };

/**
 * @param ports `state` and `current` give what there is, `acts` has what can be done; `dialogs`, `composer`, `timeline`
 *   and `uploads` are those of the page.
 */
export function listenToControls(ports) {
  const { composer, dialogs, timeline } = ports;
  for (const [id, name] of Object.entries(ICONS)) $(id).append(icon(name));
  fill($("help"), icon("help"), "Keys");
  $("help").addEventListener("click", () => dialogs.keys());
  $("open-side").addEventListener("click", openSide);
  $("close-side").addEventListener("click", closeSide);
  $("shade").addEventListener("click", closeSide);
  followWidth();
  $("to-end").addEventListener("click", () => {
    timeline.scrollToEnd();
    composer.focus();
  });
  $("skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address has the token where a link within the page would put its target
    composer.focus();
  });
  $("text").addEventListener("input", () => hint(null));
  listenToBar(ports);
  listenToFiles(ports);
}

function listenToBar({ state, current, acts, composer, dialogs }) {
  $("bar-tools").append(...barTools({
    about: () => {
      const { person } = current();
      acts.about(peopleOf(state(), current()).get(person) ?? { name: person });
    },
    search: () => composer.put("/search "),
    more: () => {
      const place = current();
      dialogs.menu(titleOf(state(), place), placeActions(state(), place, acts));
    },
  }));
}

function listenToFiles({ state, current, uploads }) {
  const add = (files) => uploads.add(files, state().current, state().fileBytes);
  $("attach").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => {
    add($("file").files);
    $("file").value = "";
  });
  const whom = () => {
    if ($("attach").disabled || $("attach").hidden) return null;
    return current().person === null ? "everybody here" : titleOf(state(), current());
  };
  listenToDrops(whom, add);
}
