/** Where one types: a text that grows, suggestions, what was typed before, and a draft for each place. */

import { countText } from "../../../base/text/words.ts";
import { fill, h } from "./dom.js";
import { isComposing } from "./keyboard.js";
import { isPair, listIn, ofWindow } from "./storage.js";
import { commandNamed, suggestions } from "./typed.js";

/** So many lines can be had again by the up key. */
const TYPED_MAX = 100;
/** Where drafts survive a reload, for this window alone. */
const DRAFTS = "drafts";

export class Composer {
  #text;
  #list;
  #submit;
  #state = null;
  #place = null;
  #offered = null;
  #selected = 0;
  /** Whether the user has gone through what is offered. */
  #hasChosen = false;
  #typed = [];
  /** Whether the first character of the text was typed, and what was asked then; null: nothing was. */
  #isBegun = false;
  #begun = null;
  #begins;
  #at = null;
  #drafts;
  #told;

  /**
   * @param elements `form`, `text`, `list`.
   * @param submit Takes the text, the id of the place that was shown, and what was asked when the first character was typed;
   *   returns whether it is done with, so that it goes. @param begins A text is begun: returns what is asked now. Of a draft
   *   that isn't known: nothing was.
   * @param told Says something to screen readers.
   */
  constructor({ form, text, list }, { submit, begins, told }) {
    [this.#text, this.#list, this.#submit, this.#told] = [text, list, submit, told];
    this.#begins = begins;
    this.#drafts = new Map(listIn(ofWindow, DRAFTS, isPair));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    text.addEventListener("input", () => this.#changed(false));
    text.addEventListener("keydown", (event) => this.#key(event));
    text.addEventListener("blur", () => this.#close());
    list.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the text keeps the focus
      const option = event.target.closest("[role=option]");
      if (option !== null) this.#take(Number(option.dataset.index));
    });
    addEventListener("pagehide", () => this.#save());
  }

  show(state, place) {
    const isOther = this.#place?.id !== place.id;
    if (isOther && this.#place !== null) this.#drafts.set(this.#place.id, this.#text.value);
    [this.#state, this.#place] = [state, place];
    if (!isOther) return;
    if (!state.places.has(place.was)) this.#moveDraft(place);
    const draft = this.#drafts.get(place.id) ?? "";
    if (this.#text.value !== draft) this.#text.value = draft; // otherwise the cursor stays where it is
    this.#isBegun = this.#text.value !== "";
    if (this.#isBegun) this.#begun = this.#begins(null);
    this.#at = null;
    this.#close();
    this.#grow();
  }

  /** What was begun to somebody who has another name now is still for them. */
  #moveDraft({ id, was }) {
    if (!this.#drafts.has(was)) return;
    this.#drafts.set(id, this.#drafts.get(was));
    this.#drafts.delete(was);
  }

  focus() {
    this.#text.focus();
  }

  get value() {
    return this.#text.value;
  }

  /** Puts a text there, in place of what there was. */
  put(text) {
    this.#text.value = text;
    this.#text.setSelectionRange(text.length, text.length);
    this.#changed(false);
    this.focus();
  }

  #save() {
    if (this.#place !== null) this.#drafts.set(this.#place.id, this.#text.value);
    const kept = [...this.#drafts].filter(([, text]) => text !== "");
    ofWindow.set(DRAFTS, JSON.stringify(kept));
  }

  async #send() {
    const text = this.#text.value;
    const place = this.#place.id;
    if (!await this.#submit(text, place, this.#begun)) return;
    if (text.trim() !== "") this.#typed = [...this.#typed.slice(1 - TYPED_MAX), text];
    this.#at = null;
    this.#drafts.delete(place);
    if (this.#place.id === place) this.#text.value = "";
    this.#changed(false);
  }

  #changed(isAsked) {
    this.#grow();
    this.#begin();
    const { selectionStart, selectionEnd, value } = this.#text;
    const offered = selectionStart === selectionEnd && this.#state !== null
      ? suggestions(this.#state, this.#place, value, selectionStart, isAsked)
      : null;
    if (offered === null) return this.#close();
    this.#offered = offered;
    this.#selected = 0;
    this.#hasChosen = false;
    this.#drawList();
    if (isAsked && offered.options.length === 1) this.#take(0);
  }

  #begin() {
    const wasBegun = this.#isBegun;
    this.#isBegun = this.#text.value !== "";
    if (!wasBegun) this.#begun = this.#isBegun ? this.#begins(this.#place) : null;
  }

  #grow() {
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight}px`;
  }

  #close() {
    if (this.#offered === null) return;
    this.#offered = null;
    this.#list.hidden = true;
    this.#text.removeAttribute("aria-activedescendant");
  }

  #drawList() {
    const options = this.#offered.options.map(({ label, hint }, index) =>
      h(
        "li",
        {
          class: "suggestion",
          role: "option",
          id: `suggestion-${index}`,
          "data-index": index,
          "aria-selected": String(index === this.#selected),
        },
        h("b", {}, label),
        hint === "" ? null : h("span", {}, hint),
      )
    );
    const wasOpen = !this.#list.hidden;
    fill(this.#list, options);
    this.#list.hidden = false;
    this.#text.setAttribute("aria-activedescendant", `suggestion-${this.#selected}`);
    options[this.#selected].scrollIntoView({ block: "nearest" });
    const count = countText(options.length, "suggestion");
    if (!wasOpen) this.#told(`${count}; up and down choose, Tab takes one`);
  }

  #take(index) {
    const { start, options } = this.#offered;
    const { value, selectionStart } = this.#text;
    const before = value.slice(0, start) + options[index].value;
    this.#text.value = before + value.slice(selectionStart).replace(/^ /, "");
    this.#text.setSelectionRange(before.length, before.length);
    this.#close();
    this.#grow();
    this.#changed(false);
  }

  #key(event) {
    if (isComposing(event)) return;
    const { key } = event;
    if (this.#offered !== null && this.#listKey(event)) return event.preventDefault();
    if (
      key === "Enter" && (event.altKey || event.ctrlKey || event.metaKey) ||
      key === "j" && event.ctrlKey
    ) {
      event.preventDefault();
      this.#insert("\n");
    } else if (key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#send();
    } else if (key === "Tab" && !event.shiftKey && !event.altKey && this.#text.value !== "") {
      const before = this.#text.value;
      this.#changed(true);
      // Where there is nothing to complete, Tab goes on, as everywhere.
      if (this.#offered !== null || this.#text.value !== before) event.preventDefault();
    } else if ((key === "ArrowUp" || key === "ArrowDown") && !event.altKey) {
      this.#recall(event, key === "ArrowUp" ? -1 : 1);
    }
  }

  #listKey({ key, shiftKey, altKey }) {
    const { length } = this.#offered.options;
    if (altKey) return false;
    if (key === "ArrowDown" || key === "ArrowUp") {
      this.#hasChosen = true;
      this.#selected = (this.#selected + (key === "ArrowDown" ? 1 : length - 1)) % length;
      this.#drawList();
      return true;
    }
    if (key === "Tab" && !shiftKey) {
      this.#take(this.#selected);
      return true;
    }
    if (key === "Escape") {
      this.#close();
      return true;
    }
    if (key !== "Enter" || shiftKey) return false;
    // Enter runs what is a whole command, also one with which others begin, and completes what isn't; what was chosen
    // by the arrows is taken.
    const typed = this.#text.value.slice(this.#offered.start).trimEnd();
    const isWhole = !typed.startsWith("/") ||
      commandNamed(this.#state, typed.slice(1)) !== undefined;
    if (isWhole && !this.#hasChosen) {
      this.#close();
      return false;
    }
    this.#take(this.#selected);
    return true;
  }

  #insert(text) {
    const { selectionStart, selectionEnd } = this.#text;
    this.#text.setRangeText(text, selectionStart, selectionEnd, "end");
    this.#changed(false);
  }

  /** What was typed before, from an empty text, or from one that was had so. */
  #recall(event, by) {
    const isRecalled = this.#at !== null && this.#text.value === this.#typed[this.#at];
    if (!isRecalled && this.#text.value !== "" || this.#typed.length === 0) return;
    const at = (isRecalled ? this.#at : this.#typed.length) + by;
    if (at < 0) return event.preventDefault();
    this.#at = at < this.#typed.length ? at : null;
    event.preventDefault();
    const text = this.#at === null ? "" : this.#typed[this.#at];
    this.#text.value = text;
    this.#text.setSelectionRange(text.length, text.length);
    this.#grow();
    this.#begin();
  }
}
