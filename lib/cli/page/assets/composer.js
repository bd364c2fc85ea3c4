/** Where one types: for each place a text box of its own, with its own undo; suggestions, and what was typed before. */

import { Component, h } from "preact";
import { countText } from "../../../base/text/words.ts";
import { button, dom, icon } from "./html.js";
import { subtitleOf, titleOf } from "./people.js";
import { commandNamed, isCallWith, isClosed, suggestions, takesFiles } from "./typed.js";

/** `keyCode` of a key that an input method has taken. */
const OF_INPUT_METHOD = 229;

/** Where it isn't said to one place alone. */
const FORMS = { friends: "Choose a friend, or NAME/TEXT", lobby: "NAME calls, 2 TEXT tells all" };
/** Lines that can be had again by the up key. */
const typed = [];

/** Puts a text in place of what is selected, so that it can be undone. */
function insert(box, text) {
  box.focus();
  document.execCommand(text === "" ? "delete" : "insertText", false, text);
}

function replace(box, text) {
  box.select();
  insert(box, text);
}

class Box extends Component {
  /** `list`: what is suggested, as `suggestions`, and which of it the arrows have `chosen`. */
  state = { list: null };
  /** Which of what was typed is there again, counted from the last. */
  #again = 0;

  componentDidMount() {
    this.#shown();
  }

  componentDidUpdate({ isShown }) {
    const { props: { place, isShown: isNow } } = this;
    if (isShown !== isNow) this.#shown();
    if (place.put === undefined || !isNow) return;
    const [line, start, end] = place.put;
    place.put = undefined;
    replace(this.box, line);
    this.box.setSelectionRange(start, end);
  }

  #shown() {
    const { place, isShown, act } = this.props;
    if (!isShown) return this.setState({ list: null });
    // The program knows of one text at a time, perhaps of another place's: this draft answers nothing.
    place.begun = place.draft === "" ? undefined : act.begins(null);
    if (act.mayFocus()) this.box.focus();
  }

  /** @returns Whether there is something. */
  #suggest(isAsked) {
    const { model, place, act } = this.props;
    const { value, selectionStart, selectionEnd } = this.box;
    const found = selectionStart === selectionEnd
      ? suggestions(model, place, value.slice(0, selectionStart), isAsked)
      : null;
    if (found !== null && this.state.list === null) {
      const count = countText(found.options.length, "suggestion");
      act.say(`${count}; up and down choose, Tab takes one`);
    }
    this.setState({ list: found });
    if (isAsked && found?.options.length === 1) this.#take(found, 0);
    return found !== null;
  }

  #take({ start, options }, index = 0) {
    const { value, selectionEnd } = this.box;
    this.box.setSelectionRange(
      start,
      value[selectionEnd] === " " ? selectionEnd + 1 : selectionEnd,
    );
    insert(this.box, options[index][0]);
  }

  #changed() {
    const { place, act } = this.props;
    const { value } = this.box;
    if (value === "") place.begun = undefined;
    else if (place.begun === undefined) place.begun = act.begins(place);
    place.draft = value;
    this.#suggest(false);
  }

  async #send() {
    const { place, act } = this.props;
    const { value } = this.box;
    if (!await act.enter(value, place, place.begun ?? null)) return;
    if (typed.at(-1) !== value) typed.push(value);
    this.#again = 0;
    if (this.box.value === value) this.box.value = "";
    this.#changed();
  }

  /** @returns Whether another line is there now; in what was changed arrows only move. */
  #recall(step) {
    const { value, selectionStart } = this.box;
    const isAgain = value !== "" && value === typed[typed.length - this.#again];
    const to = (isAgain ? this.#again : 0) + step;
    if (value !== "" && !isAgain || selectionStart < value.length) return false;
    if (to < 0 || to > typed.length) return false;
    this.#again = to;
    replace(this.box, typed[typed.length - to] ?? "");
    return true;
  }

  /** @returns Whether the key did something in the list. */
  #listKey({ key, shiftKey, altKey }) {
    const { list } = this.state;
    if (list === null || altKey || shiftKey) return false;
    const { start, options: { length }, chosen } = list;
    const step = { ArrowDown: 1, ArrowUp: -1 }[key];
    // Enter runs what is a whole command, and completes what isn't; what was chosen by the arrows is taken.
    const word = this.box.value.slice(start).trimEnd();
    const isWhole = !word.startsWith("/") ||
      commandNamed(this.props.model, word.slice(1)) !== undefined;
    if (step !== undefined) {
      const from = chosen ?? (step > 0 ? -1 : 0);
      this.setState({ list: { ...list, chosen: (from + step + length) % length } });
    } else if (key === "Escape") this.setState({ list: null });
    else if (key === "Tab" || key === "Enter" && !(isWhole && chosen === undefined)) {
      this.#take(list, chosen);
    } else return false;
    return true;
  }

  /** @returns Whether the key did something. */
  #pressed(event) {
    const { key, shiftKey, altKey, ctrlKey, metaKey } = event;
    if (this.#listKey(event)) return true;
    if (key === "Enter" && (altKey || ctrlKey || metaKey) || key === "j" && ctrlKey) {
      insert(this.box, "\n");
      return true;
    }
    if (shiftKey || altKey) return false;
    switch (key) {
      case "Enter":
        this.#send();
        return true;
      case "Tab": // where there is nothing to complete, it goes on, as everywhere
        return this.box.value !== "" && this.#suggest(true);
      case "ArrowUp":
        return this.#recall(1);
      case "ArrowDown":
        return this.#recall(-1);
    }
    return false;
  }

  #key(event) {
    if (event.isComposing || event.keyCode === OF_INPUT_METHOD) return;
    if (this.#pressed(event)) event.preventDefault();
  }

  render({ model, place, isShown, act }, { list }) {
    const { options = [], chosen = 0 } = list ?? {};
    const isShut = isClosed(model, place) || place.type === "call" && !isCallWith(model, place);
    const whom = place.person === null ? "" : ` to ${titleOf(model, place)}`;
    const option = ([, label, hint], index) => {
      const take = (event) => (event.preventDefault(), this.#take(list, index));
      return dom`<li class="suggestion" role="option" id="option-${index}" onPointerDown=${take}
        aria-selected=${
        String(index === chosen)
      }><b>${label}</b> <span class="faint">${hint}</span></li>`;
    };
    const box = h("textarea", {
      ...{ id: isShown ? "text" : null, rows: 2, defaultValue: place.draft },
      ref: (box) => this.box = box ?? this.box,
      placeholder: isShut ? subtitleOf(model, place) : FORMS[place.type] ?? `Message${whom}`,
      ...{ enterkeyhint: "send", spellcheck: true, "aria-autocomplete": "list" },
      ...{ "aria-controls": "suggestions", "aria-describedby": "text-help" },
      "aria-activedescendant": list === null ? null : `option-${chosen}`,
      onInput: () => this.#changed(),
      onKeyDown: (event) => this.#key(event),
      onBlur: () => this.setState({ list: null }),
      onPaste: (event) => act.pasted(event, place),
    });
    return dom`<div hidden=${!isShown}>
      <ul class="suggestions" id=${isShown ? "suggestions" : null} role="listbox"
        aria-label="Suggestions" tabindex="0" hidden=${list === null}>${options.map(option)}</ul>
      <label class="unseen" for=${isShown ? "text" : null}>Message${whom}</label>${box}
    </div>`;
  }
}

const HELP = "Enter sends, Shift+Enter begins a new line, / lists commands.";

/** For whom files are being chosen. */
let chosenFor = null;

export function chooseFiles(place) {
  chosenFor = place;
  document.getElementById("file").click();
}

export function Composer({ model, act }) {
  const { here } = model;
  here.hasBox = true;
  const press = () =>
    document.getElementById("text").dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
  const chosen = ({ target }) => {
    act.files([...target.files], chosenFor ?? here);
    target.value = "";
  };
  const boxes = [...model.places.values()].filter(({ hasBox }) => hasBox)
    .map((place) => h(Box, { key: place.key, model, place, act, isShown: place === here }));
  const attach = button(icon("attach"), () => chooseFiles(here), "icon", {
    ...{ id: "attach", "aria-label": "Send a file", hidden: !takesFiles(here) },
    disabled: model.link.state !== "open" || isClosed(model, here),
  });
  const send = button(icon("send"), press, "icon button is-main", {
    id: "send",
    "aria-label": "Send",
  });
  return dom`<div class="composer" id="composer">
    ${act.hint && dom`<p class="hint" id="hint" role="alert">${act.hint}</p>`}
    <div class="box">${attach}${boxes}${send}</div>
    <p class="faint" id="text-help">${HELP}</p>
    <input type="file" id="file" multiple hidden onChange=${chosen} />
  </div>`;
}
