/** What opens above the page: about a person, the keys, and questions before something that can't be taken back. */

import { fill, h, icon, nameOf, verifiedSign } from "./dom.js";

export class Dialogs {
  #element;

  constructor(element) {
    this.#element = element;
    element.addEventListener("click", (event) => {
      if (event.target === element) element.close(); // beside it
    });
  }

  #open(title, ...body) {
    const close = h("button", {
      type: "button",
      class: "icon-button",
      "aria-label": "Close",
      onclick: () => this.#element.close(),
    }, icon("close"));
    fill(
      this.#element,
      h("div", { class: "dialog-head" }, h("h2", { id: "dialog-title" }, title), close),
      h("div", { class: "dialog-body", tabindex: "0" }, body),
    );
    if (!this.#element.open) this.#element.showModal();
  }

  close() {
    this.#element.close();
  }

  /** @param entries `{label, icon, run, isGrave}` each. */
  person(person, state, entries) {
    const sign = person.self ? null : verifiedSign(person);
    this.#open(
      [nameOf(person.name, state), sign],
      h(
        "div",
        { class: "menu" },
        entries.map(({ label, icon: sign, run, isGrave }) =>
          h(
            "button",
            {
              type: "button",
              class: isGrave ? "is-grave" : null,
              onclick: () => {
                this.close();
                run();
              },
            },
            icon(sign),
            label,
          )
        ),
      ),
    );
  }

  /** @returns Whether the user says yes. */
  ask(title, text, yes) {
    const { promise, resolve } = Promise.withResolvers();
    const answer = (is) => () => {
      resolve(is);
      this.close();
    };
    this.#open(
      title,
      h("p", {}, text),
      h(
        "div",
        { class: "actions" },
        h("button", { type: "button", class: "button is-grave", onclick: answer(true) }, yes),
        h(
          "button",
          { type: "button", class: "button", autofocus: true, onclick: answer(false) },
          "Cancel",
        ),
      ),
    );
    this.#element.addEventListener("close", () => resolve(false), { once: true });
    return promise;
  }

  keys() {
    const keys = KEYS.map((
      [names, text],
    ) => [
      h("dt", {}, names.map((name, at) => [at === 0 ? null : " ", h("kbd", {}, name)])),
      h("dd", {}, text),
    ]);
    this.#open(
      "Keyboard",
      h("dl", { class: "keys" }, keys),
      h(
        "p",
        {},
        "What begins with / is a command, the same as in the console: type / to see them all, or /help.",
      ),
    );
  }
}

const KEYS = [
  [["Enter"], "Send"],
  [["Shift", "Enter"], "Begin a new line"],
  [["Tab"], "Complete a command or a name"],
  [["\u2191"], "In an empty message box: what you typed before"],
  [["Esc"], "Close, or go back to the message box and the end"],
  [["Alt", "\u2191"], "The conversation above"],
  [["Alt", "\u2193"], "The conversation below"],
  [["Alt", "1"], "The first conversation, and so on to 9"],
  [["Alt", "A"], "The next conversation with something new"],
  [["Page Up"], "In the message box: scroll through the messages"],
  [["Ctrl", "/"], "This list"],
];
