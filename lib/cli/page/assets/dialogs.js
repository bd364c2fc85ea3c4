/** What opens above the page: menus, forms, questions before what can't be taken back, and the keys. */

import { Component, createRef, h } from "preact";
import { button, dom, icon } from "./html.js";
import { formOf, isClosed } from "./typed.js";

/**
 * @param dialog `title`, and of these what there is: `text`, `body`; `actions`, `[label, run, isGrave]` each; `line` with
 *   what `FORMS` has for it; `isAsked`, where Enter must not do it.
 * @param act `over` is told what was chosen: one types on. After a dialog that was only closed the keyboard is where it was.
 */
export class Dialog extends Component {
  #element = createRef();

  componentDidMount() {
    this.#element.current.showModal();
  }

  render({ dialog, act }) {
    const { title, text, body, actions = [], line, isAsked } = dialog;
    const close = () => this.#element.current.close();
    const choose = (run) => (close(), act.over(dialog, run));
    const pressed = ({ target }) => target === this.#element.current && close();
    const action = ([label, run, isGrave], at) =>
      button(label, () => choose(run), isGrave ? "button is-grave" : "button", {
        autofocus: at === 0 && !isAsked,
      });
    const cancel = button("Cancel", close, "button", { autofocus: isAsked });
    return dom`<dialog id="dialog" ref=${this.#element} aria-labelledby="dialog-title"
      onClose=${() => act.over(dialog)} onClick=${pressed}>
      <header><h2 id="dialog-title">${title}</h2>
        ${button(icon("close"), close, "icon", { "aria-label": "Close" })}</header>
      <div class="dialog-body" tabindex="0">
        ${text && dom`<p>${text}</p>`}${body}${line && h(Form, { ...dialog, act, choose, cancel })}
        <div class=${isAsked ? "actions" : "menu"}>${actions.map(action)}${isAsked && cancel}</div>
      </div>
    </dialog>`;
  }
}

/** What a command needs; it stays open, with why, until that is done. */
class Form extends Component {
  #field = createRef();

  async #submit(event) {
    event.preventDefault();
    const { line, act, choose } = this.props;
    if (this.state.isBusy) return;
    this.setState({ isBusy: true, why: undefined }); // the same once more is told once more
    const why = await act.tried(`${line} ${this.#field.current.value.trim()}`);
    if (this.#field.current === null) return; // it was closed meanwhile
    if (why === null) return choose(() => {});
    this.setState({ isBusy: false, why });
    this.#field.current.focus();
  }

  render({ label, hint, yes, cancel }, { why, isBusy }) {
    return dom`<form class="form" autocomplete="off" aria-busy=${isBusy ? "true" : null}
      onSubmit=${(event) => this.#submit(event)}>
      <label for="field">${label}</label>
      <input id="field" autofocus required aria-describedby="field-hint" ref=${this.#field}
        aria-invalid=${why && "true"} aria-errormessage=${why && "form-error"} />
      <span class="faint" id="field-hint">${hint}</span>
      <p id="form-error" class="error" role="alert">${why}</p>
      <div class="actions"><button class="button is-main">${yes}</button>${cancel}</div>
    </form>`;
  }
}

const TITLE = { label: "Your title for it", hint: "others may have another one", yes: "Make it" };

/** Commands that need more, by how their lines begin. */
export const FORMS = {
  "/join": {
    title: "Join another room",
    label: "Which",
    hint: "an invite, or words to say; an address and port, as in 192.168.1.5 55107; or the " +
      "title of a room that you were in",
    yes: "Join",
  },
  "/join --new --title": { ...TITLE, title: "Make a new room" },
  "/join --new --private --title": {
    ...TITLE,
    title: "Make a private room",
    hint: "people need an invite to join it",
  },
  "/call": { title: "Call somebody", label: "Name", yes: "Call" },
  "/add": {
    title: "Add a friend",
    label: "Their contact card",
    hint: "a line that they find under “About yourself”, or by p2pchat users card",
    yes: "Add",
  },
};

/** Commands before which one is asked: title, text, and the button that does it. */
export const QUESTIONS = {
  "/invite --rotate": [
    "Make a new invite?",
    "Whoever has an earlier invite, and hasn't joined yet, can't join with it any more.",
    "Make it",
  ],
};

/** `[line, label, isGrave]`: what there is of it in a mode, its table says. */
const MENU = [
  ["/invite", "Invite: a line to copy"],
  ["/invite --words", "Invite by words to say"],
  ["/invite --qr", "Invite by a QR code"],
  ["/invite --rotate", "Make a new invite…", true],
  ["/join", "Join another room…"],
  ["/join --new --title", "Make a new room…"],
  ["/join --new --private --title", "Make a private room…"],
  ["/rooms", "Your rooms"],
  ["/add", "Add a friend…"],
  ["/call", "Call somebody…"],
  ["/missed", "Missed calls"],
  ["/files", "Files"],
  ["/outbox", "Messages that wait"],
  ["/whoami", "About yourself"],
  ["/status", "Status"],
  ["/help", "All commands"],
  ["/part", "Leave the room…", true],
  ["/exit", "End p2pchat…", true],
];
/** Those that are about no room. */
const OF_PROGRAM = /^\/(?:join|rooms|help|exit)/;

/** What can be done in a place by a button, as `actionsAbout`. */
export function actionsIn(model, place, act) {
  const isOpen = !isClosed(model, place);
  const isThere = ([line]) =>
    model.commands.some(({ name, aliases }) =>
      [name, ...aliases].includes(/[a-z]+/.exec(line)[0])
    ) &&
    (isOpen || OF_PROGRAM.test(line)) &&
    // An open room has nothing to rotate: anybody may come in.
    (line !== "/invite --rotate" || model.home(place).isPrivate);
  return MENU.filter(isThere)
    .map(([line, label, isGrave]) => [label, () => act.choose(line), isGrave]);
}

const KEYS = [
  ["Enter", "sends; a command that isn't whole is completed"],
  ["Shift+Enter, Alt+Enter, Ctrl+J", "begins a new line"],
  ["Tab, or arrows and Enter", "completes a command or a name"],
  ["Up, in an empty message box", "what you typed before"],
  ["Esc", "closes what is open, then the last answer; or goes to the end"],
  ["Alt+Up, Alt+Down, Alt+1 to 9", "another conversation"],
  ["Alt+A", "the next conversation with something new"],
  ["Page Up, in the message box", "scrolls through the messages"],
  ["Up, Down, at the buttons of an entry", "those of the entry above, or below"],
  ["Ctrl+/", "lists these keys"],
];

export function helpOf({ commands }) {
  const row = ([term, text]) => dom`<dt><code>${term}</code></dt><dd>${text}</dd>`;
  const rows = commands.map((entry) => [formOf(entry), entry.help]);
  return { title: "Keys and commands", body: dom`<dl>${[...KEYS, ...rows].map(row)}</dl>` };
}
