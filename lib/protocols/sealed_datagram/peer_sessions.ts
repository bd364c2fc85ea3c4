/** The sessions with one peer: the one in use, the ones before and after it, and an attempt. */

import type { PeerKey } from "../../base/ids.ts";
import { earliestMs } from "../../base/machine/machine.ts";
import type { Attempt } from "./attempt.ts";
import { PREVIOUS_SESSION_MS, REKEY_RETRY_MS } from "./limits.ts";
import type { Session } from "./session.ts";

export class PeerSessions {
  /** A handshake that we began and that isn't over. */
  attempt: Attempt | null = null;
  /** The peer has our proof, and this is installed once the peer seals with it. The handshake may end without that. */
  pending: Session | null = null;
  /** The session that seals what is sent. */
  current: Session | null = null;
  /** When `current` was installed, in the order of handshakes: those that began before are over. */
  installedOrder = 0;
  /** The previous session of the same process, which opens what is still in flight. */
  previous: Session | null = null;
  previousEndsAtMs = Infinity;
  rekeyAtMs = Infinity;
  #rekeyTriedMs = -Infinity;

  constructor(readonly peer: PeerKey) {}

  get isEmpty(): boolean {
    return this.attempt === null && this.current === null;
  }

  /**
   * `session` takes the place of the one in use, which still opens for a while if it is of the same process.
   * @returns The sessions that are over.
   */
  install(session: Session, nowMs: number): readonly Session[] {
    const { current, previous, pending } = this;
    const over = [previous, pending === session ? null : pending];
    const isSameProcess = current !== null && current.process === session.process;
    if (!isSameProcess) over.push(current);
    this.previous = isSameProcess ? current : null;
    this.previousEndsAtMs = nowMs + PREVIOUS_SESSION_MS;
    this.pending = null;
    this.attempt = null;
    this.current = session;
    this.rekeyAtMs = session.rekeyAtMs;
    return over.filter((each) => each !== null);
  }

  /** An attempt at fresh keys begins; where it fails, another does after a pause. */
  rekeyTried(nowMs: number): void {
    this.#rekeyTriedMs = nowMs;
    this.rekeyAtMs = nowMs + REKEY_RETRY_MS;
  }

  /** Fresh keys are due by the count of datagrams. @returns Whether they weren't already. */
  wornOut(nowMs: number): boolean {
    if (nowMs < this.#rekeyTriedMs + REKEY_RETRY_MS || this.rekeyAtMs <= nowMs) return false;
    this.rekeyAtMs = nowMs;
    return true;
  }

  /** All sessions that open datagrams. */
  sessions(): readonly Session[] {
    return [this.current, this.previous, this.pending].filter((each) => each !== null);
  }

  nextDeadlineMs(): number | null {
    const { attempt, current, previous } = this;
    return earliestMs(
      attempt?.nextDeadlineMs() ?? null,
      current === null ? null : Math.min(current.endsAtMs, this.rekeyAtMs),
      current?.newPath?.dueMs ?? null,
      previous === null ? null : this.previousEndsAtMs,
    );
  }
}
