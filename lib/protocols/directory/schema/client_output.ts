/** The effects of one step of a client, the time at which they are made, and what follows each write. */

import type { ErrorCode } from "../../../base/errors.ts";
import type { LinkId } from "../../../base/ids.ts";
import { StoringOutput } from "../../../base/machine/mode_output.ts";
import type { ClientEffect } from "./client_io.ts";
import type { ClientRecord } from "./client_records.ts";
import type { ClientEvent } from "./events.ts";
import type { DirectoryMessage } from "./messages.ts";

export class ClientOutput extends StoringOutput<ClientEvent, ClientEffect, ClientRecord> {
  #isStopped = false;

  get isStopped(): boolean {
    return this.#isStopped;
  }

  override push(effect: ClientEffect): void {
    if (!this.#isStopped) super.push(effect);
  }

  send(link: LinkId, message: DirectoryMessage): void {
    this.push({ type: "send", link, message });
  }

  close(link: LinkId, reason: string): void {
    this.push({ type: "close", link, reason });
  }

  fatal(code: ErrorCode, text: string): void {
    this.push({ type: "stop", outcome: { kind: "fatal", code, text } });
    this.#isStopped = true;
  }

  bye(reason: string, ref: string | undefined): void {
    this.push({ type: "stop", outcome: { kind: "bye", reason, ref } });
    this.#isStopped = true;
  }
}
