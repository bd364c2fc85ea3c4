/** What is entered in the message box: a line for the program, or what an entry of a group is to read. */

import { fill, h } from "./dom.js";
import { leaves, meant, tooLong } from "./typed.js";

const $ = (id) => document.getElementById(id);

export class Entering {
  #ports;
  /** What is being changed: `{seq}` of an entry; null: nothing. */
  #editing = null;

  /**
   * @param ports `state` gives what there is; `run` gives the program something; `open` goes to somebody's place;
   *   `put` puts a text into the message box; `ask` asks a question; `done` is called when something was given to the program.
   */
  constructor(ports) {
    this.#ports = ports;
  }

  /**
   * @param shown The id of the place that was shown when it was entered. @param begun The question that was shown when its first character was typed.
   * @returns Whether the program was given it.
   */
  entered(text, shown, begun) {
    const editing = this.#editing;
    if (editing === null || text.trim() === "") return this.submit(text, shown, begun);
    const error = tooLong(text);
    if (error !== null) return refused(error);
    const command = { command: "edit", text, n: editing.seq };
    const isDone = this.#ports.run({ command, isChat: false }, text);
    if (isDone) this.stopEditing();
    return isDone;
  }

  /** As `entered`, of a line alone: nothing is said anywhere else than in the place that was shown. */
  async submit(text, shown, begun = null) {
    if (text.trim() === "") return false;
    const { state, run, open, ask, done } = this.#ports;
    const place = state().places.get(shown);
    if (place === undefined) return refused(GONE);
    const what = meant(state(), place, text, begun);
    if (what.error !== undefined) return refused(what.error);
    if (leaves(state(), place, text) && !await ask("End p2pchat?", ENDS, "End it")) return false;
    // The title is to name whom it is for.
    if (what.to !== undefined && state().link.state === "open") open(what.to);
    const isDone = what.to === undefined
      ? run(what, text, shown)
      : run(what, what.command.text.replace(/^\//, "//"), state().current);
    if (isDone) {
      hint(null);
      done();
    }
    return isDone;
  }

  /** The entry of an item is to be changed: its text is in the message box. */
  edit(item) {
    this.#editing = item;
    this.#ports.put(item.text);
    const what = h("strong", {}, `entry ${item.seq}`);
    const stop = () => this.giveUpEditing();
    fill(
      $("editing"),
      h("span", {}, "Changing ", what, "; whoever has to agree is asked"),
      h("button", { type: "button", class: "more", onclick: stop }, "Don't change it"),
    );
    $("editing").hidden = false;
  }

  /** What is entered next is a line again. */
  stopEditing() {
    this.#editing = null;
    $("editing").hidden = true;
  }

  /** An entry that was being changed stays as it is. */
  giveUpEditing() {
    if (this.#editing === null) return;
    this.stopEditing();
    this.#ports.put("");
  }
}

/** Says above the message box why nothing was sent, until something else is done; null: nothing. */
export function hint(text) {
  const box = $("hint");
  if (text === null && box.hidden) return;
  fill(box, text === null ? null : h("span", {}, text));
  box.hidden = text === null;
}

/** Takes away what was said above the message box, where that is this. */
export function takeBack(text) {
  if ($("hint").textContent === text) hint(null);
}

function refused(why) {
  hint(why);
  return false;
}

const GONE = "Not sent: this conversation isn't there any more. Choose another one.";
const ENDS =
  "You leave, here and in every other window and console of this program. To close this page alone, close the window.";
