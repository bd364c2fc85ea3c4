/** What opens above the page: about a person, the keys, and questions before something that can't be taken back. */

import { fill, h, icon, nameOf, setText, verifiedSign } from "./dom.js";
import { visible } from "./harmless.js";

export class Dialogs {
  #element;
  #done;
  #say;

  /**
   * @param done Called when something was chosen or given: the keyboard is to go on elsewhere than at what opened the
   *   dialog. After a dialog that was only closed it is where it was.
   * @param say Told why what was given isn't done, where its form was closed before that came.
   */
  constructor(element, done, say) {
    [this.#element, this.#done, this.#say] = [element, done, say];
    element.addEventListener("click", (event) => {
      if (event.target === element) element.close(); // beside it
    });
    element.addEventListener("close", () => {
      const { activeElement: focused, body } = document;
      // What opened it may be gone; what had the focus in it has it still, and is seen no more.
      if (!element.open && (focused === body || element.contains(focused))) done();
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

  /** The browser tells of it later: by then what was closed before may be told of. */
  #whenClosed(closed) {
    const listener = () => {
      if (this.#element.open) return;
      this.#element.removeEventListener("close", listener);
      closed();
    };
    this.#element.addEventListener("close", listener);
  }

  person(person, state, entries) {
    const sign = person.self ? null : verifiedSign(person);
    this.menu([nameOf(person.name, state), sign], entries);
  }

  /** @param entries `{label, icon, run, isGrave}` each. */
  menu(title, entries) {
    this.#open(
      title,
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
                if (!this.#element.open) this.#done(); // it may ask further
              },
            },
            icon(sign),
            label,
          )
        ),
      ),
    );
  }

  /**
   * @param fields `{name, label}` each, with `options` to choose from, `isCheck`, or a text; `hint`, `isOptional`.
   * @param give Does what was given. Gives why it isn't done: that stands below the fields, to be mended; null: it is done.
   * @returns What was given, by name; null: nothing was.
   */
  form(title, yes, fields, give = () => null) {
    const { promise, resolve } = Promise.withResolvers();
    const error = h("p", { id: "form-error", class: "field-error", role: "alert" });
    const form = h(
      "form",
      { class: "form", autocomplete: "off" },
      fields.map(fieldElement),
      error,
      h(
        "div",
        { class: "actions" },
        h("button", { type: "submit", class: "button is-main" }, yes),
        h("button", { type: "button", class: "button", onclick: () => this.close() }, "Cancel"),
      ),
    );
    const given = () =>
      Object.fromEntries(fields.map(({ name, isCheck }) => {
        const field = form.elements.namedItem(name);
        return [name, isCheck ? field.checked : field.value.trim()];
      }));
    const showHints = () => {
      for (const { name, hintOf } of fields) {
        if (hintOf !== undefined) setText(form.querySelector(`#${hintId(name)}`), hintOf(given()));
      }
    };
    showHints();
    form.addEventListener("change", showHints);
    const field = form.querySelector("input, select");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (form.ariaBusy === "true") return;
      form.ariaBusy = "true";
      setText(error, ""); // the same once more is told once more
      const is = given();
      const why = await give(is);
      form.ariaBusy = null;
      if (why !== null) {
        if (!this.#element.open || !form.isConnected) return this.#say(why);
        setText(error, visible(why));
        field.ariaInvalid = "true";
        field.setAttribute("aria-errormessage", error.id);
        field.focus();
        return;
      }
      resolve(is);
      if (!this.#element.open || !form.isConnected) return;
      this.close();
      this.#done();
    });
    this.#open(title, form);
    field.focus();
    this.#whenClosed(() => resolve(null));
    return promise;
  }

  /** @param text Or an element. @returns Whether the user says yes. */
  ask(title, text, yes, kind = "is-grave") {
    const { promise, resolve } = Promise.withResolvers();
    const answer = (is) => () => {
      resolve(is);
      this.close();
      if (is) this.#done();
    };
    this.#open(
      title,
      typeof text === "string" ? h("p", {}, text) : text,
      h(
        "div",
        { class: "actions" },
        h("button", { type: "button", class: `button ${kind}`, onclick: answer(true) }, yes),
        h(
          "button",
          { type: "button", class: "button", autofocus: true, onclick: answer(false) },
          "Cancel",
        ),
      ),
    );
    this.#whenClosed(() => resolve(false));
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
        "What begins with / is a command, the same as in the console: type / and its first letters, or /help to see them all.",
      ),
    );
  }
}

const hintId = (name) => `field-${name}-hint`;

function fieldElement({ name, label, options, isCheck, isOptional, hint, hintOf }) {
  const id = `field-${name}`;
  const described = hint === undefined && hintOf === undefined ? null : hintId(name);
  const field = options !== undefined
    ? h("select", { id, name }, options.map((option) => h("option", {}, option)))
    : isCheck
    ? h("input", { id, name, type: "checkbox" })
    : h("input", {
      id,
      name,
      type: "text",
      required: isOptional !== true,
      "aria-describedby": described,
    });
  return h(
    "p",
    { class: isCheck ? "field is-check" : "field" },
    h("label", { for: id }, isOptional ? `${label} (may stay empty)` : label),
    field,
    described === null ? null : h("span", { id: described, class: "field-hint" }, hint),
  );
}

const KEYS = [
  [["Enter"], "Send, or complete a command that isn't typed whole"],
  [["Shift", "Enter"], "Begin a new line"],
  [["Tab"], "Complete a command or a name"],
  [["\u2191"], "In an empty message box: what you typed before"],
  [["Esc"], "Close what is open, then answers; or go back to the message box and the end"],
  [["Alt", "\u2191"], "The conversation above"],
  [["Alt", "\u2193"], "The conversation below"],
  [["Alt", "1"], "The first conversation, and so on to 9"],
  [["Alt", "A"], "The next conversation with something new"],
  [["Page Up"], "In the message box: scroll through the messages"],
  [["\u2191"], "At the buttons of an entry: those of the one above; \u2193 of the one below"],
  [["Ctrl", "/"], "This list"],
];
