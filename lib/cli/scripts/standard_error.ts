/** What is wrong, for whoever reads the standard error of a program that a script or an agent uses. */

import { visibleText } from "../../base/text/text.ts";
import type { Streams } from "../streams/streams.ts";
import { writeWhole } from "../streams/write_whole.ts";
import type { Fields } from "./wanted.ts";

export class StandardError {
  /** What is written, one after the other. */
  #written: Promise<unknown> = Promise.resolve();

  constructor(readonly stream: Streams["stderr"]) {}

  /** An event was shown: warnings, and errors that answer nothing, are told here. */
  shown(event: Fields, ref: string | undefined): void {
    const isWarning = event.event === "notice" && event["warning"] === true;
    if (isWarning) this.warn(String(event["text"]));
    else if (event.event === "error" && ref === undefined) this.#tell("error", event["text"]);
  }

  warn(text: string): void {
    this.#tell("warning", text);
  }

  /** Resolves when all of it is written. */
  async flush(): Promise<void> {
    await this.#written;
  }

  #tell(prefix: string, text: unknown): void {
    const line = `${visibleText(`${prefix}: ${text}`)}\n`;
    this.#written = this.#written.then(() => writeWhole(this.stream, line));
  }
}
