/** The effects of one step of a member, the time at which they are made, and what follows each write. */

import type { ErrorCode } from "../../../base/errors.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { ModeOutput } from "../../../base/machine/mode_output.ts";
import { Pending } from "../../../base/machine/pending.ts";
import type { MemberEvent } from "./events.ts";
import type { MemberEffect } from "./member_io.ts";
import { type GroupMessage, isContent } from "./messages.ts";
import type { MemberRecord } from "./records.ts";

export class MemberOutput extends ModeOutput<MemberEvent, MemberEffect> {
  /**
   * Bounded by what waits to be written: one held write, one for each message of a leader and for each aborted edit.
   */
  readonly #written = new Pending<() => void>();
  #isStopped = false;

  /** @param mayReceive Whether what was said in the group may be sent to the owner of this key. */
  constructor(readonly mayReceive: (key: PeerKey) => boolean) {
    super();
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Whether a write is under way that something waits for. */
  get isWriting(): boolean {
    return this.#written.size > 0;
  }

  override push(effect: MemberEffect): void {
    if (!this.#isStopped) super.push(effect);
  }

  /** The one way to other members. What was said in the group is sent to those alone that our user is shown. */
  tell(peers: readonly PeerKey[], message: GroupMessage): void {
    const those = isContent(message) ? peers.filter((key) => this.mayReceive(key)) : peers;
    if (those.length > 0) this.push({ type: "tell", peers: those, message });
  }

  /** Writes and syncs; `done` is called in a later step, when the records are on disk. Writes are answered in order. */
  storeThen(records: readonly MemberRecord[], done: () => void): void {
    const token = this.#written.add(done);
    this.push({ type: "persist", records, token, sync: true });
  }

  /** Writes and syncs; what is sent to links later reaches them only after that. */
  store(...records: readonly MemberRecord[]): void {
    if (records.length > 0) this.push({ type: "persist", records, token: null, sync: true });
  }

  /** Syncs everything that was noted before; what is shown or sent to links later comes after that. */
  sync(): void {
    this.push({ type: "persist", records: [], token: null, sync: true });
  }

  /** Writes without syncing: what is lost in a crash is known elsewhere, too. */
  note(...records: readonly MemberRecord[]): void {
    if (records.length > 0) this.push({ type: "persist", records, token: null, sync: false });
  }

  /** Like `note`, but after all earlier effects are carried out: a write would otherwise overtake them. */
  noteBehind(...records: readonly MemberRecord[]): void {
    const token = this.#written.add(() => this.note(...records));
    this.push({ type: "persist", records: [], token, sync: false });
  }

  persisted(token: number): void {
    this.#written.take(token)?.();
  }

  fatal(code: ErrorCode, text: string): void {
    this.push({ type: "stop", outcome: { kind: "fatal", code, text } });
    this.#isStopped = true;
  }

  bye(ref: string | undefined): void {
    this.push({ type: "stop", outcome: { kind: "bye", reason: "quit", ref } });
    this.#isStopped = true;
  }
}
