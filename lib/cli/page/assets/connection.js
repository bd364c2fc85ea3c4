/** The socket to the program, and what `session.js` decides about it. */

import {
  newSession,
  onSilence,
  programMessage,
  RUBBISH_TEXT,
  SILENT_TEXT,
  step,
} from "./session.js";
import { ofWindow } from "./storage.js";

/** An address leaves it out. */
const HTTP_PORT = "80";

export class Connection {
  #session;
  #token;
  #key = null;
  #socket = null;
  #pass;
  #link;
  #had;
  #timer = null;
  #heard = 0;
  /** When the program was last asked whether it is there; null: something came since. */
  #asked = null;
  #check = null;

  /**
   * @param options `token`, `window`; `pass` takes the program's messages, `link` what is to be said of the connection;
   *   `had` gives `{run, last}`.
   */
  constructor({ token, window: id, pass, link, had }) {
    this.#token = token;
    this.#session = newSession({ hasToken: token !== "", window: id });
    [this.#pass, this.#link, this.#had] = [pass, link, had];
    addEventListener("online", () => this.#wakeUnlessRefused());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#wakeUnlessRefused();
      this.#heed();
    });
  }

  start() {
    if (this.#session.text !== null) this.#link({ state: "refused", text: this.#session.text });
    this.#input({ type: "start", nonce: randomWord() });
  }

  /** Tries again, as the user wishes. */
  wake() {
    this.#input({ type: "wake" });
  }

  /** @returns Whether it was given to the program. */
  send(message) {
    if (this.#session.state !== "open" || this.#socket.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #wakeUnlessRefused() {
    if (this.#session.state === "waiting") this.#input({ type: "wake" });
  }

  #input(input) {
    const [session, effects] = step(this.#session, input, this.#had());
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
        this.#timer = setTimeout(() => this.#input({ type: "wake" }), effect.ms);
        return;
      case "restart":
        clearTimeout(this.#timer);
        return this.start();
      case "link":
        return this.#link(effect.link);
      case "pass":
        return this.#pass(effect.message);
    }
  }

  #connect() {
    const socket = new WebSocket(`ws://${location.host}/socket`, "p2pchat.1");
    this.#socket = socket;
    this.#hears();
    const isCurrent = () => this.#socket === socket;
    socket.onopen = () => isCurrent() && this.#input({ type: "opened" });
    socket.onmessage = ({ data }) => {
      if (!isCurrent()) return;
      const wasAsked = this.#asked !== null;
      this.#hears();
      const message = programMessage(data);
      if (message === null) this.#giveUp(RUBBISH_TEXT);
      else this.#input({ type: "received", message });
      if (wasAsked) this.#heed(); // otherwise it is looked at in time
    };
    socket.onclose = ({ code }) => isCurrent() && this.#closed(code);
    this.#heed();
  }

  /** The connection is of no use: another is made later. @param text Says why. */
  #giveUp(text) {
    const socket = this.#socket;
    this.#closed(1006, text);
    socket.close();
  }

  #closed(code, text = null) {
    this.#socket = null;
    const [random] = crypto.getRandomValues(new Uint32Array(1));
    this.#input({ type: "closed", code, text, random: random / 2 ** 32 });
  }

  #hears() {
    this.#heard = performance.now();
    this.#asked = null;
  }

  /** Asks a program that is silent, or gives it up; and looks again when the time has come. */
  #heed() {
    clearTimeout(this.#check);
    if (this.#socket === null) return;
    const nowMs = performance.now();
    const next = onSilence(this.#session, {
      silentMs: nowMs - this.#heard,
      askedMs: this.#asked === null ? null : nowMs - this.#asked,
      isSeen: !document.hidden,
    });
    if (next.type === "give up") return this.#giveUp(SILENT_TEXT);
    if (next.type === "ask") {
      this.#asked = nowMs;
      this.send({ type: "ping" });
    }
    this.#check = setTimeout(() => this.#heed(), next.ms);
  }

  async #prove({ page, program, proof }) {
    // With the port: whoever has this one can't pass on what is said to a program at another.
    const proved = `${location.port || HTTP_PORT} ${page} ${program}`;
    const theirs = await this.#hmac(`p2pchat page: program ${proved}`);
    const own = await this.#hmac(`p2pchat page: window ${proved}`);
    this.#input({ type: "proved", isRight: isSame(theirs, proof), proof: own });
  }

  async #hmac(text) {
    const bytes = new TextEncoder();
    this.#key ??= await crypto.subtle.importKey(
      "raw",
      bytes.encode(this.#token),
      { name: "HMAC", hash: "SHA-256" },
      false,
      ["sign"],
    );
    const signed = await crypto.subtle.sign("HMAC", this.#key, bytes.encode(text));
    return word(new Uint8Array(signed));
  }
}

/** In a time that doesn't tell where they differ. */
function isSame(one, other) {
  if (typeof other !== "string" || one.length !== other.length) return false;
  let difference = 0;
  for (let at = 0; at < one.length; at++) difference |= one.charCodeAt(at) ^ other.charCodeAt(at);
  return difference === 0;
}

/** Base64url without padding. */
function word(bytes) {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(
    /=+$/,
    "",
  );
}

/** 128 bits at random. */
function randomWord() {
  return word(crypto.getRandomValues(new Uint8Array(16)));
}

/** Kept over a reload: the same window comes in again. */
export function windowId() {
  const id = ofWindow.get("window") ?? randomWord();
  ofWindow.set("window", id);
  return id;
}
