/** Files that are sent: given to the program one after the other, which then offers them. */

import { fill, h, setText } from "./dom.js";
import { visible } from "./harmless.js";
import { sizeText } from "./phrases.js";

const NO_ANSWER = "The program doesn't answer.";

export class Uploads {
  #element;
  #queue = [];
  #current = null;
  /** The request that is drawn. */
  #drawn = null;
  #ticket = "";
  #done;
  #failed;
  #isOpen;
  #lostFocus;

  /**
   * @param done Takes what the program has (`path`, `name`), and where it goes. @param failed Says why not.
   * @param isOpen Whether the program is there, and has proved itself: only then is a file given to who answers.
   * @param lostFocus Called when what had the focus here is gone.
   */
  constructor(element, { done, failed, isOpen, lostFocus }) {
    [this.#element, this.#done, this.#failed] = [element, done, failed];
    [this.#isOpen, this.#lostFocus] = [isOpen, lostFocus];
  }

  set ticket(ticket) {
    this.#ticket = ticket;
  }

  /** The names of files that aren't sent yet. */
  get unsent() {
    const current = this.#current === null ? [] : [this.#current];
    return [...current, ...this.#queue].map(({ file }) => file.name);
  }

  /** @param max The most bytes of a file. */
  add(files, place, max) {
    for (const file of files) {
      if (file.size > max) {
        this.#failed(
          `${visible(file.name)} has ${sizeText(file.size)}; at most ${
            sizeText(max)
          } can be sent from here.`,
          place,
        );
      } else this.#queue.push({ file, place });
    }
    this.#next();
  }

  #next() {
    while (this.#current === null) {
      const next = this.#queue.shift();
      if (next === undefined) return this.#draw(0);
      if (this.#isOpen()) this.#begin(next);
      else this.#failed(`${visible(next.file.name)} wasn't sent: ${NO_ANSWER}`, next.place);
    }
  }

  #begin(next) {
    const request = new XMLHttpRequest();
    this.#current = { ...next, request };
    request.open("POST", "files");
    request.setRequestHeader("Authorization", `Bearer ${this.#ticket}`);
    request.setRequestHeader("X-File-Name", encodeURIComponent(next.file.name));
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = ({ loaded }) => this.#draw(loaded);
    request.onload = () => this.#ended(request);
    request.onerror = () => this.#ended(request);
    request.onabort = () => this.#ended(null);
    this.#draw(0);
    request.send(next.file);
  }

  #ended(request) {
    const { file, place } = this.#current;
    this.#current = null;
    if (request?.status === 201) this.#done(JSON.parse(request.responseText), place);
    else if (request !== null) {
      const why = sentenceOf(request);
      this.#failed(`${visible(file.name)} wasn't sent: ${why}`, place);
    }
    this.#next();
  }

  #draw(loaded) {
    const request = this.#current?.request ?? null;
    if (this.#drawn !== request) this.#drawAnew(request);
    if (request === null) return;
    const name = visible(this.#current.file.name);
    const more = this.#queue.length === 0 ? "" : `, ${this.#queue.length} more to come`;
    setText(this.#element.querySelector("span"), `Sending ${name}${more}`);
    this.#element.querySelector("progress").value = loaded;
  }

  #drawAnew(request) {
    const hadFocus = this.#element.contains(document.activeElement);
    this.#drawn = request;
    this.#element.hidden = request === null;
    fill(this.#element, request === null ? null : this.#parts(request));
    if (hadFocus) this.#lostFocus();
  }

  #parts(request) {
    const { name, size } = this.#current.file;
    return [
      h("span"),
      h("progress", { max: Math.max(1, size), "aria-label": `Sending ${visible(name)}` }),
      h("button", { type: "button", class: "more", onclick: () => request.abort() }, "Stop"),
    ];
  }
}

/** Why a file was refused, in the program's words: the field of an object, or a text alone. */
function sentenceOf({ status, responseText }) {
  if (status === 0) return NO_ANSWER;
  return responseText.startsWith("{") ? JSON.parse(responseText).text : responseText;
}
