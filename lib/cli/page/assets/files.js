/** Files: what somebody offers, and what is sent from here. */

import { percentOf, sizeText } from "../../../base/text/words.ts";
import { button, dom } from "./html.js";
import { Copy, Line } from "./line.js";
import { isCallWith } from "./typed.js";

/** What can be done with it: `[label, command, isMain]`. */
function actionsOf({ state, self, reason, file: n, unfetchable }) {
  const [get, cancel] = [{ command: "get", n }, { command: "cancel", n }];
  if (state === "started" || state === "progress" || reason === "waits") return [["Stop", cancel]];
  if (self) return state === "offered" ? [["Take back", cancel]] : [];
  if (state === "offered") {
    return [...(unfetchable ? [] : [["Download", get, true]]), ["No, thanks", cancel]];
  }
  if (state === "done" || reason === "withdrawn" || reason === "changed") return [];
  return [["Download", get, true]];
}

/** How far it is, and what it waits for where one person alone has it. */
function stateOf({ state, size, bytes, to, self, unfetchable }, model) {
  const { here } = model;
  if (state === "started" || state === "progress") {
    const isThere = here.type === "call"
      ? isCallWith(model, here)
      : model.home().people.get(here.person)?.connected !== false;
    return `${percentOf(bytes, size)} %${isThere ? "" : `, goes on when ${here.person} is back`}`;
  }
  if (state !== "offered") return null;
  if (to !== undefined && !self) return "for you alone";
  return unfetchable ? "--save DIR would fetch it" : null;
}

export function Offer({ item, act, model }) {
  const data = model.files.get(item.file);
  if (data === undefined) return dom`<p class="card">Not offered any more</p>`;
  const { name, room, size, bytes, path, self, lines = [] } = data;
  const isFetching = data.state === "started" || data.state === "progress";
  const state = [sizeText(size), stateOf(data, model)].filter((one) => one !== null);
  const action = ([label, command, isMain]) => {
    const run = () => act.command({ ...command, ...(room && { room }) });
    const look = isMain ? "button is-main" : "button";
    return button(label, run, look, { "aria-label": `${label}: ${name}` });
  };
  const told = lines.map((line) => dom`<${Line} line=${line} model=${model} />`);
  const progress = dom`<progress max=${
    size || 1
  } value=${bytes} aria-label="Downloading ${name}" />`;
  const copy = path && !self && dom`<${Copy} text=${path} what=${name} label="Copy path" />`;
  return dom`<div class="card">
    <p class="file"><bdi>${name}</bdi> <span class="file-state">${state.join(" · ")}</span></p>
    ${told.length > 0 && dom`<div class="file-state">${told}</div>`}
    ${isFetching && progress}
    <div class="actions">${actionsOf(data).map(action)}${copy}</div>
  </div>`;
}

const NO_ANSWER = "The program doesn't answer.";
const UNREADABLE = "It can't be read: it is a folder, or it has changed or gone since.";

/** Whether a browser gets anything of a file: of a folder, or of what is gone, it would only say that sending failed. */
const isReadable = (file) => file.slice(0, 1).arrayBuffer().then(() => true, () => false);

/** Gives files to the program one after the other, which then offers them. */
export class Uploads {
  #queue = [];
  current = null;

  /**
   * @param ports `ticket`; `isOpen`: whether the program is there, and has proved itself: only then is a file given to who
   *   answers; `done` takes what the program has, and where it goes; `failed` says why not; `changed`.
   */
  constructor(ports) {
    this.ports = ports;
  }

  get waiting() {
    return this.#queue.length;
  }

  add(files, place, max) {
    for (const file of files) {
      const why = `it has ${sizeText(file.size)}, and at most ${sizeText(max)} can be sent`;
      // Of a name that others chose nothing hides or reorders what stands around it.
      const next = { file, place, name: file.name.replace(/\p{C}/gu, "\ufffd") };
      if (file.size <= max) this.#queue.push(next);
      else this.#failed(next, why);
    }
    this.#next();
  }

  #failed({ name, place }, why) {
    this.ports.failed(`${name} wasn't sent: ${why}`, place);
  }

  async #next() {
    const next = this.current === null ? this.#queue.shift() : undefined;
    if (next === undefined) return this.ports.changed();
    const request = new XMLHttpRequest();
    let isStopped = false;
    this.current = { ...next, loaded: 0, stop: () => (isStopped = true, request.abort()) };
    this.ports.changed();
    const canRead = await isReadable(next.file);
    if (!isStopped && canRead && this.ports.isOpen()) await this.#send(request, next);
    else if (!isStopped) this.#failed(next, canRead ? NO_ANSWER : UNREADABLE);
    this.current = null;
    return this.#next();
  }

  #send(request, next) {
    const { promise, resolve } = Promise.withResolvers();
    request.open("POST", "files");
    request.setRequestHeader("Authorization", `Bearer ${this.ports.ticket()}`);
    request.setRequestHeader("X-File-Name", encodeURIComponent(next.file.name));
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = ({ loaded }) => this.ports.changed(this.current.loaded = loaded);
    request.onload = request.onerror = () => {
      const { status, responseText: text } = request;
      if (status === 201) this.ports.done(JSON.parse(text), next.place);
      else {
        const why = text.startsWith("{") ? JSON.parse(text).text : text;
        this.#failed(next, status === 0 ? NO_ANSWER : why);
      }
    };
    request.onloadend = resolve;
    request.send(next.file);
    return promise;
  }
}

export function Upload({ uploads: { current, waiting } }) {
  if (current === null) return null;
  const { name, file: { size }, loaded, stop } = current;
  const label = `Sending ${name}`;
  return dom`<div class="upload" id="uploads">
    <span>${label}${waiting > 0 && `, ${waiting} more to come`}</span>
    <progress max=${Math.max(1, size)} value=${loaded} aria-label=${label} />${
    button("Stop", stop)
  }</div>`;
}
