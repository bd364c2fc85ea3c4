/** The socket to the program, and what `session.js` decides about it. */

import { newSession, onSilence, programMessage, step } from "./session.js";
import { ofWindow } from "./storage.js";

const RUBBISH = "What answers there isn't p2pchat.";
const SILENT = "Nothing answers there.";
/** How often a silent connection is looked at. */
const LOOK_MS = 2_000;

export class Connection {
  #session;
  #ports;
  #key = null;
  #socket = null;
  #timer = null;
  /** When something last came, and whether the program was asked since. */
  #heardMs = 0;
  #wasAsked = false;

  /**
   * @param ports `token`, `window`; `pass` takes the program's messages, `link` what is to be said of the connection; `had`
   *   gives `{run, last}`.
   */
  constructor(ports) {
    this.#ports = ports;
    this.#session = newSession({ hasToken: ports.token !== "", window: ports.window });
    const isBack = () => this.#session.state === "waiting" && !document.hidden && this.wake();
    addEventListener("online", isBack);
    document.addEventListener("visibilitychange", isBack);
    setInterval(() => this.#look(), LOOK_MS);
  }

  /** Tries again, where it isn't connected. */
  wake() {
    this.#input({ type: "wake", nonce: randomWord() });
  }

  /** @returns Whether it was given to the program. */
  send(message) {
    if (this.#session.state !== "open" || this.#socket.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #input(input) {
    const [session, effects] = step(this.#session, input, this.#ports.had());
    this.#session = session;
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect) {
    switch (effect.type) {
      case "connect":
        return this.#connect();
      case "send":
        return this.#socket.send(JSON.stringify(effect.message));
      case "prove":
        return void this.#prove(effect);
      case "close":
        return this.#socket.close(1000);
      case "wait":
        this.#timer = setTimeout(() => this.wake(), effect.ms);
        return;
      case "link":
        return this.#ports.link(effect.link);
      case "pass":
        return this.#ports.pass(effect.message);
    }
  }

  #connect() {
    clearTimeout(this.#timer);
    const socket = new WebSocket(`ws://${location.host}/socket`, "p2pchat.1");
    this.#socket = socket;
    this.#hears();
    const isCurrent = () => this.#socket === socket;
    socket.onopen = () => isCurrent() && this.#input({ type: "opened" });
    socket.onmessage = ({ data }) => {
      if (!isCurrent()) return;
      this.#hears();
      const message = programMessage(data);
      if (message === null) this.#giveUp(RUBBISH);
      else this.#input({ type: "received", message });
    };
    socket.onclose = ({ code }) => isCurrent() && this.#closed(code);
  }

  /** The connection is of no use: another is made later. @param text Says why. */
  #giveUp(text) {
    const socket = this.#socket;
    this.#closed(1006, text);
    socket.close();
  }

  #closed(code, text) {
    this.#socket = null;
    this.#input({ type: "closed", code, text, random: Math.random() });
  }

  #hears() {
    [this.#heardMs, this.#wasAsked] = [performance.now(), false];
  }

  #look() {
    if (this.#socket === null) return;
    const next = onSilence(this.#session, performance.now() - this.#heardMs, this.#wasAsked);
    if (next === "give up") this.#giveUp(SILENT);
    if (next === "ask") this.#wasAsked = this.send({ type: "ping" });
  }

  async #prove({ page, program, proof }) {
    // With the port: whoever has this one can't pass on what is said to a program at another.
    const proved = `${location.port || 80} ${page} ${program}`;
    // In whatever time: to the next attempt belong other nonces.
    const isRight = await this.#hmac(`p2pchat page: program ${proved}`) === proof;
    const own = await this.#hmac(`p2pchat page: window ${proved}`);
    this.#input({ type: "proved", isRight, proof: own });
  }

  async #hmac(text) {
    const bytes = (of) => new TextEncoder().encode(of);
    const kind = { name: "HMAC", hash: "SHA-256" };
    this.#key ??= await crypto.subtle.importKey("raw", bytes(this.#ports.token), kind, false, [
      "sign",
    ]);
    return word(new Uint8Array(await crypto.subtle.sign("HMAC", this.#key, bytes(text))));
  }
}

/** Base64url without padding. */
const word = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

/** 128 bits at random. */
const randomWord = () => word(crypto.getRandomValues(new Uint8Array(16)));

/** Kept over a reload: the same window comes in again. */
export function windowId() {
  const id = ofWindow.get("window") ?? randomWord();
  ofWindow.set("window", id);
  return id;
}
