/** All peers with their sessions and attempts, which are also found by our indices. */

import { DeadlineQueue } from "../../base/collections/deadline_queue.ts";
import type { PeerKey } from "../../base/ids.ts";
import type { Attempt } from "./attempt.ts";
import { PeerSessions } from "./peer_sessions.ts";
import type { Session } from "./session.ts";

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
