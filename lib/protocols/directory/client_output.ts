/** What one step of a client brings forth, the time at which it is made, and what follows each write. */

import type { ErrorCode } from "../../base/errors.ts";
import type { LinkId } from "../../base/ids.ts";
import { ModeOutput } from "../../base/mode_output.ts";
import { Pending, type WriteOutcome } from "../../base/pending.ts";
import type { ClientEffect } from "./client_io.ts";
import type { ClientRecord } from "./client_records.ts";
import type { ClientEvent } from "./events.ts";
import type { DirectoryMessage } from "./messages.ts";

export class ClientOutput extends ModeOutput<ClientEvent, ClientEffect> {
  /** One at most: what is heard meanwhile is written together. */
  readonly #writes = new Pending<WriteOutcome>();
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

  /** Writes and syncs; the outcome is told in a later step. */
  write(records: readonly ClientRecord[], outcome: WriteOutcome): void {
    const token = this.#writes.add(outcome);
    this.push({ type: "persist", records, token, sync: true });
  }

  persisted(token: number): void {
    this.#writes.take(token)?.done();
  }

  persistFailed(token: number | null, text: string): void {
    const outcome = this.#writes.take(token);
    if (outcome === undefined) this.error("disk", text);
    else outcome.failed(text);
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
