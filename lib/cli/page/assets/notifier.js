/** Notifications of the desktop: only when the user has asked for them, and at most one a second. */

import { fill, icon } from "./dom.js";
import { ofBrowser } from "./storage.js";

const KEY = "notify";
const PAUSE_MS = 1_000;

export class Notifier {
  #button;
  #isOn;
  #lastMs = -PAUSE_MS;

  constructor(button) {
    this.#button = button;
    this.#isOn = ofBrowser.get(KEY) === "on" &&
      globalThis.Notification?.permission === "granted";
    button.addEventListener("click", () => this.#toggle());
    button.hidden = globalThis.Notification === undefined;
    this.#draw();
  }

  async #toggle() {
    this.#isOn = !this.#isOn && await Notification.requestPermission() === "granted";
    ofBrowser.set(KEY, this.#isOn ? "on" : "off");
    this.#draw(!this.#isOn && Notification.permission === "denied");
  }

  #draw(isDenied = false) {
    this.#button.setAttribute("aria-pressed", String(this.#isOn));
    const text = isDenied ? "Forbidden by the browser" : this.#isOn ? "Notifying" : "Notify me";
    fill(this.#button, icon("bell"), text);
  }

  /** Tells of what is for the user: texts are shown as text by every desktop that follows the standard. */
  notify(title, body) {
    const nowMs = performance.now();
    if (!this.#isOn || nowMs - this.#lastMs < PAUSE_MS) return;
    this.#lastMs = nowMs;
    // In the place of the one before of the same title, which may stand in a list since hours: and told of like that one.
    const about = { body, icon: "icon.svg", tag: title, renotify: true };
    const shown = new Notification(title, about);
    shown.onclick = () => {
      focus();
      shown.close();
    };
  }
}
