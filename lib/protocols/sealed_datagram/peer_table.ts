/** All peers with their sessions and attempts, which are also found by our indices. */

import { DeadlineQueue } from "../../base/collections/deadline_queue.ts";
import type { PeerKey } from "../../base/ids.ts";
import type { Attempt } from "./attempt.ts";
import type { Session } from "./session.ts";
import { earliestMs } from "../../base/machine/machine.ts";
import { PREVIOUS_SESSION_MS, REKEY_RETRY_MS } from "./limits.ts";

export class PeerTable {
  readonly #peers = new Map<PeerKey, PeerSessions>();
  /** Every session that opens datagrams, by our index. */
  readonly #sessions = new Map<number, Session>();
  readonly #attempts = new Map<number, Attempt>();
  readonly #deadlines = new DeadlineQueue<PeerSessions>();

  get(peer: PeerKey): PeerSessions | undefined {
    return this.#peers.get(peer);
  }

  /** The peer's place, a new one where it had none. */
  add(peer: PeerKey): PeerSessions {
    const known = this.#peers.get(peer);
    if (known !== undefined) return known;
    const sessions = new PeerSessions(peer);
    this.#peers.set(peer, sessions);
    return sessions;
  }

  sessionAt(index: number): Session | undefined {
    return this.#sessions.get(index);
  }

  attemptAt(index: number): Attempt | undefined {
    return this.#attempts.get(index);
  }

  hasIndex(index: number): boolean {
    return this.#sessions.has(index) || this.#attempts.has(index);
  }

  /** `attempt` takes the place of the one under way. */
  begin(sessions: PeerSessions, attempt: Attempt): void {
    this.endAttempt(sessions);
    sessions.attempt = attempt;
    this.#attempts.set(attempt.index, attempt);
  }

  endAttempt(sessions: PeerSessions): void {
    if (sessions.attempt !== null) this.#attempts.delete(sessions.attempt.index);
    sessions.attempt = null;
  }

  /** `session` waits for the peer's first sealed datagram, and replaces one that did. */
  addPending(sessions: PeerSessions, session: Session): void {
    if (sessions.pending !== null) this.#sessions.delete(sessions.pending.localIndex);
    sessions.pending = session;
    this.#sessions.set(session.localIndex, session);
  }

  /** `session` is the one in use from now on. */
  install(sessions: PeerSessions, session: Session, nowMs: number): void {
    this.endAttempt(sessions);
    this.#sessions.set(session.localIndex, session);
    for (const over of sessions.install(session, nowMs)) this.#sessions.delete(over.localIndex);
  }

  endCurrent(sessions: PeerSessions): void {
    if (sessions.current !== null) this.#sessions.delete(sessions.current.localIndex);
    sessions.current = null;
  }

  endPrevious(sessions: PeerSessions): void {
    if (sessions.previous !== null) this.#sessions.delete(sessions.previous.localIndex);
    sessions.previous = null;
  }

  forget(sessions: PeerSessions): void {
    for (const { localIndex } of sessions.sessions()) this.#sessions.delete(localIndex);
    this.endAttempt(sessions);
    this.#peers.delete(sessions.peer);
    this.#deadlines.set(sessions, null);
  }

  // Time.

  nextDeadlineMs(): number | null {
    return this.#deadlines.nextMs();
  }

  takeDue(nowMs: number): Iterable<PeerSessions> {
    return this.#deadlines.takeDue(nowMs);
  }

  /** Updates the peer's deadline, which may have changed. */
  arm(sessions: PeerSessions): void {
    if (this.#peers.get(sessions.peer) === sessions) {
      this.#deadlines.set(sessions, sessions.nextDeadlineMs());
    }
  }
}

/** The sessions with one peer: the one in use, the ones before and after it, and an attempt. */
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
