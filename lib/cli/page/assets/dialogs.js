/** What opens above the page: menus, forms, questions before what can't be taken back, and the keys. */

import { Component, createRef, h } from "preact";
import { button, dom, icon } from "./html.js";
import { commandNamed, formOf, isClosed } from "./typed.js";

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
  "/search": { title: "Search", label: "Text", hint: "in all that was said", yes: "Search" },
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
  ["/search", "Search…"],
  ["/files", "Files"],
  ["/outbox", "Messages that wait"],
  ["/whoami", "About yourself"],
  ["/status", "Status"],
  ["/help", "All commands"],
  ["/part", "Leave the room", true],
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

const REMOVAL =
  "The founder and deputies can shut somebody out of the room for good. /allow lets them come back.";

/** Of a room the founder removes anybody, and deputies who has no such part. */
function mayRemove({ role }, people) {
  const own = [...people.values()].find(({ self }) => self);
  return own?.role === "founder" || own?.role === "deputy" && role === undefined;
}

/** What can be done about somebody, by the commands that this mode has: `[label, run, isGrave]` each. */
export function actionsAbout(model, one, act) {
  const { name, self, verified, state } = one;
  const { mode } = model;
  if (self) return [["About yourself", () => act.line("/whoami")]];
  const has = (word) => commandNamed(model, word);
  const line = (word, label) => has(word) && [label, () => act.line(`/${word} ${name}`)];
  const call = () => act.command({ command: "call", name });
  const remove = async () =>
    await act.sure(`Remove ${name}?`, REMOVAL, "Remove") && act.line(`/remove ${name}`);
  return [
    mode === "mesh" && ["Write privately", () => act.open(model.direct(name, model.home()))],
    mode === "friends" && ["Write", () => act.open(model.direct(name))],
    has("call") && [state === "busy" ? "Call (in a call now)" : "Call", call],
    has("send") && mode !== "directory" && ["Send a file…", () => act.sendFile(name)],
    line("verify", verified ? "Compare keys again" : "Verify…"),
    one.changed && line("trust", "Accept a new key"),
    line("whois", "Who is this?"),
    line("ignore", "Ignore"),
    has("remove") && mayRemove(one, model.home().people) &&
    ["Remove from the room…", remove, true],
  ].filter((action) => action);
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
