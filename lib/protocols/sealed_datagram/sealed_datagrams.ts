/**
 * Encrypted sessions between two programs over datagrams: the peer's identity is proven; what is received is authentic
 * and comes at most once. Neither arrival nor order is promised.
 *
 * The picture: WireGuard's machine with Noise XX and identities in it. Three messages make a session (formats.ts),
 * which the initiator uses once it has received something sealed, the responder once the third message is verified.
 * A datagram that is forged, comes twice, or answers nothing that we sent, gets no answer, and changes at most the
 * bounded table of handshakes that others began.
 *
 * Sources: Noise Protocol Framework, revision 34; Donenfeld, WireGuard (NDSS 2017), section 5 and 6; RFC 9000,
 * section 8 and 9 (addresses). Departures: XX, so identities are hidden from onlookers and the responder learns
 * the initiator's only from the third message; when both begin at once, one handshake is given up.
 *
 * The caller's duties beyond those of `Machine`: none; a datagram that isn't transmitted counts as lost.
 */

import type { Bytes } from "../../base/crypto/crypto.ts";
import { RemoteProtocolError } from "../../base/errors.ts";
import type { Environment } from "../../base/machine/environment.ts";
import {
  distinctEndpoints,
  type Endpoint,
  endpointText,
  isSameEndpoint,
  type PeerKey,
} from "../../base/ids.ts";
import { invariant, unreachable } from "../../base/invariant.ts";
import { earliestMs, type Machine } from "../../base/machine/machine.ts";
import type { ChannelIdentity, HandshakeEnvironment } from "../noise/identity_handshake.ts";
import { CHANNEL_VERSION } from "../noise/preface.ts";
import { EMPTY } from "../noise/primitives.ts";
import { decodeCloseReason, encodeCloseReason } from "../noise/record.ts";
import { Attempt, type Purpose } from "./attempt.ts";
import {
  type CookieReply,
  decodeAttachment,
  decodeDatagram,
  encodeAnswer,
  type HandshakeAnswer,
  indexOf,
  PAYLOAD_BYTES_MAX,
  type Transport,
} from "./formats.ts";
import { NewPaths } from "./new_paths.ts";
import { type PeerSessions, PeerTable } from "./peer_table.ts";
import { Responding } from "./responding.ts";
import type { SealedAccess, SealedEffect, SealedInput, SealedStatistics } from "./sealed_io.ts";
import { Session } from "./session.ts";

export interface SealedOptions {
  readonly identity: ChannelIdentity;
  readonly env: HandshakeEnvironment & Pick<Environment, "log">;
  readonly access: SealedAccess;
}

const NOTHING: readonly SealedEffect[] = [];

export class SealedDatagrams implements Machine<SealedInput, SealedEffect> {
  readonly #options: SealedOptions;
  readonly #peers = new PeerTable();
  readonly #responding: Responding;
  readonly #paths: NewPaths;
  readonly #statistics = { opened: 0, repeated: 0, forged: 0, strange: 0 };
  #handshakes = 0;
  #effects: SealedEffect[] = [];

  constructor(options: SealedOptions) {
    this.#options = options;
    const transmit = (to: Endpoint, bytes: Bytes) => this.#transmit(to, bytes);
    this.#paths = new NewPaths(options.env, transmit);
    this.#responding = new Responding(options, {
      newIndex: () => this.#newIndex(),
      nextOrder: () => ++this.#handshakes,
      transmit,
    });
  }

  get statistics(): SealedStatistics {
    return this.#statistics;
  }

  /** How many handshakes that others began are remembered. */
  get halfOpenCount(): number {
    return this.#responding.size;
  }

  /** The endpoint to which datagrams for the peer are sent; `null` where there is no session. */
  endpointOf(peer: PeerKey): Endpoint | null {
    return this.#peers.get(peer)?.current?.endpoint ?? null;
  }

  step(input: SealedInput, nowMs: number): readonly SealedEffect[] {
    this.#effects = [];
    switch (input.type) {
      case "datagram":
        this.#datagram(input.from, input.bytes, nowMs);
        break;
      case "connect":
        this.#connect(input.peer, [input.endpoint, ...input.also ?? []], "asked", nowMs);
        break;
      case "try":
        this.#try(input.peer, input.endpoints, input.asks);
        break;
      case "send":
        this.#send(input.peer, input.payload, nowMs);
        break;
      case "close":
        this.#close(input.peer, input.reason);
        break;
      case "tick":
        this.#tick(nowMs);
        break;
      default:
        return unreachable(input);
    }
    return this.#effects.length === 0 ? NOTHING : this.#effects;
  }

  nextDeadlineMs(): number | null {
    return earliestMs(this.#peers.nextDeadlineMs(), this.#responding.nextDeadlineMs());
  }

  // Received datagrams.

  #datagram(from: Endpoint, bytes: Uint8Array, nowMs: number): void {
    const datagram = decodeDatagram(bytes);
    switch (datagram?.type) {
      case "transport":
        return this.#transport(datagram, from, bytes.length, nowMs);
      case "initiation":
        return this.#count(this.#responding.initiation(datagram, from, nowMs));
      case "response":
        return this.#count(this.#response(datagram, from, nowMs));
      case "confirmation":
        return this.#count(this.#confirmation(datagram, nowMs));
      case "cookie":
        return this.#count(this.#cookie(datagram, from));
      case undefined:
        return this.#count(false);
      default:
        return unreachable(datagram);
    }
  }

  #count(isSensible: boolean): void {
    if (!isSensible) this.#statistics.strange += 1;
  }

  #transport(datagram: Transport, from: Endpoint, bytes: number, nowMs: number): void {
    const session = this.#peers.sessionAt(datagram.index);
    if (session === undefined) return this.#count(false);
    const opened = session.open(datagram);
    this.#statistics[opened.verdict] += 1;
    if (opened.verdict !== "opened") return;
    const sessions = this.#peers.get(session.peer);
    invariant(sessions !== undefined, "a session belongs to a peer");
    if (session === sessions.pending) this.#install(sessions, session, nowMs);
    const { kind, content, isNewest } = opened;
    if (session === sessions.current) this.#paths.heard(session, from, bytes, isNewest, nowMs);
    switch (kind) {
      case "payload":
        this.#effects.push({ type: "payload", peer: session.peer, bytes: content });
        break;
      case "challenge":
        this.#paths.challenged(session, content, from);
        break;
      case "proof":
        if (this.#paths.proven(session, content, from)) {
          const { peer, endpoint } = session;
          this.#effects.push({ type: "moved", peer, endpoint });
        }
        break;
      case "close":
        // A late close of an earlier session says nothing about the one that the peer has made since.
        if (session !== sessions.current) break;
        this.#peers.forget(sessions);
        this.#effects.push({
          type: "down",
          peer: session.peer,
          closed: true,
          reason: decodeCloseReason(content),
        });
        return;
      case "trying":
        this.#effects.push({ type: "tried", peer: session.peer });
        break;
      case "trial":
      case "confirmed":
      case undefined:
        break;
      default:
        unreachable(kind);
    }
    // Nothing else that comes can change a deadline.
    if (session.newPath !== null || kind === "proof") this.#peers.arm(sessions);
  }

  // Handshakes that we begin.

  #connect(peer: PeerKey, places: readonly Endpoint[], purpose: Purpose, nowMs: number): void {
    const endpoints = distinctEndpoints(places);
    const { identity, env, access } = this.#options;
    invariant(peer !== identity.signer.key, "nobody connects to itself");
    const sessions = this.#peers.add(peer);
    const { attempt: before } = sessions;
    if (before !== null) {
      if (purpose === "rekey") return;
      if (areSame(before.endpoints, endpoints) && before.purpose === purpose) return;
    }
    const index = this.#newIndex();
    const order = ++this.#handshakes;
    const { mode } = access;
    const attempt = new Attempt(identity, env, mode, peer, endpoints, index, order, purpose, nowMs);
    this.#peers.begin(sessions, attempt);
    this.#repeat(attempt, nowMs);
    this.#peers.arm(sessions);
  }

  #repeat(attempt: Attempt, nowMs: number): void {
    const message = attempt.dueMessage(nowMs);
    for (const endpoint of attempt.endpoints) this.#transmit(endpoint, message);
  }

  /** Sends nothing but our address: what comes of it is `NewPaths`'. */
  #try(peer: PeerKey, endpoints: readonly Endpoint[], asks: boolean): void {
    const session = this.#peers.get(peer)?.current ?? null;
    if (session === null) return;
    for (const endpoint of endpoints) this.#transmit(endpoint, session.seal("trial", EMPTY));
    if (asks) this.#transmit(session.endpoint, session.seal("trying", EMPTY));
  }

  /** @returns Whether it is a response that an attempt of ours waits for. */
  #response({ index, message }: HandshakeAnswer, from: Endpoint, nowMs: number): boolean {
    const attempt = this.#peers.attemptAt(index);
    if (attempt === undefined || attempt.isAnswered) return attempt !== undefined;
    const answer = this.#tryRead(() => attempt.initiator.read(message), from);
    const attachment = answer === null ? null : decodeAttachment(answer.attachment);
    if (answer === null || attachment?.version !== CHANNEL_VERSION) return false;
    if (answer.peer !== attempt.peer) {
      attempt.answeredBy = answer.peer;
      return true;
    }
    const sessions = this.#peers.get(attempt.peer);
    invariant(sessions?.attempt === attempt, "an attempt belongs to its peer");
    const finished = this.#tryRead(() => answer.finish(), from);
    if (finished === null) return false;
    const { order } = attempt;
    const { proven } = finished;
    const endpoint = attempt.askedAt(from);
    const session = new Session({
      localIndex: index,
      remoteIndex: attachment.index,
      proven,
      endpoint,
      initiated: true,
      order,
      nowMs,
    });
    this.#peers.addPending(sessions, session);
    attempt.answered(encodeAnswer("confirmation", attachment.index, finished.message), endpoint);
    this.#repeat(attempt, nowMs);
    this.#peers.arm(sessions);
    return true;
  }

  #cookie({ index, cookie }: CookieReply, from: Endpoint): boolean {
    const attempt = this.#peers.attemptAt(index);
    if (attempt === undefined) return false;
    if (attempt.takeCookie(cookie)) this.#transmit(attempt.askedAt(from), attempt.message());
    return true;
  }

  // Handshakes that others began.

  #confirmation({ index, message }: HandshakeAnswer, nowMs: number): boolean {
    const confirmation = this.#responding.confirmation(index, message);
    if (confirmation === null) return false;
    const { halfOpen, confirmed, isAdmitted } = confirmation;
    const { session: made, proven } = confirmed;
    if (made !== null) {
      // The initiator repeats its message until it has heard from us.
      if (!made.isHeard && this.#peers.sessionAt(index) === made) this.#confirm(made);
      return true;
    }
    const { from: endpoint, remoteIndex, order } = halfOpen;
    if (!isAdmitted || !this.#yieldsTo(proven.peer, proven.processKey.toHex(), order)) return true;
    const session = confirmed.session = new Session({
      localIndex: index,
      remoteIndex,
      proven,
      endpoint,
      initiated: false,
      order,
      nowMs,
    });
    this.#install(this.#peers.add(session.peer), session, nowMs);
    this.#confirm(session);
    return true;
  }

  /** Whether a handshake of that process may replace what we have with the peer. */
  #yieldsTo(peer: PeerKey, process: string, order: number): boolean {
    const sessions = this.#peers.get(peer);
    if (sessions === undefined) return true;
    const { attempt, pending, current } = sessions;
    // A late message of a process that has ended since.
    if (current !== null && current.process !== process && current.order > order) return false;
    // A late or repeated message of a handshake that another one has replaced: nobody uses it.
    if (current?.process === process && sessions.installedOrder > order) return false;
    // Both began at once: the smaller key's handshake survives, unless it makes no progress.
    const isSmaller = this.#options.identity.signer.key < peer;
    const ours = attempt?.isAnswered === true && pending?.process === process;
    return !(isSmaller && ours);
  }

  // Sessions.

  #install(sessions: PeerSessions, session: Session, nowMs: number): void {
    this.#peers.install(sessions, session, nowMs);
    sessions.installedOrder = ++this.#handshakes;
    const { peer, process, endpoint } = session;
    this.#effects.push({ type: "up", peer, process, endpoint });
    this.#peers.arm(sessions);
  }

  #confirm(session: Session): void {
    this.#transmit(session.endpoint, session.seal("confirmed", EMPTY));
  }

  #send(peer: PeerKey, payload: Uint8Array, nowMs: number): void {
    invariant(
      payload.length > 0 && payload.length <= PAYLOAD_BYTES_MAX,
      `a payload has 1 to ${PAYLOAD_BYTES_MAX} bytes`,
    );
    const sessions = this.#peers.get(peer);
    const session = sessions?.current ?? null;
    if (sessions === undefined || session === null) return;
    this.#transmit(session.endpoint, session.seal("payload", payload));
    if (session.isWornOut && sessions.wornOut(nowMs)) this.#peers.arm(sessions);
  }

  #close(peer: PeerKey, reason: string): void {
    const sessions = this.#peers.get(peer);
    if (sessions === undefined) return;
    const content = encodeCloseReason(reason);
    // Which of the two sessions the peer uses isn't known, and it heeds a close only in that one.
    for (const session of [sessions.current, sessions.pending]) {
      if (session !== null) this.#transmit(session.endpoint, session.seal("close", content));
    }
    this.#peers.forget(sessions);
  }

  // Time.

  #tick(nowMs: number): void {
    this.#responding.expire(nowMs);
    for (const sessions of this.#peers.takeDue(nowMs)) this.#serve(sessions, nowMs);
  }

  #serve(sessions: PeerSessions, nowMs: number): void {
    const { peer, current, attempt } = sessions;
    if (sessions.previousEndsAtMs <= nowMs) this.#peers.endPrevious(sessions);
    if (attempt !== null) {
      if (attempt.endsAtMs <= nowMs) this.#attemptFailed(sessions, attempt);
      else if (attempt.isDue(nowMs)) this.#repeat(attempt, nowMs);
    }
    if (current !== null) {
      if (current.endsAtMs <= nowMs) {
        this.#peers.endCurrent(sessions);
        const reason = "no fresh keys could be agreed on";
        this.#effects.push({ type: "down", peer, closed: false, reason });
      } else {
        this.#paths.challengeIfDue(current, nowMs);
        if (sessions.rekeyAtMs <= nowMs) {
          sessions.rekeyTried(nowMs);
          this.#connect(peer, [current.endpoint], "rekey", nowMs);
        }
      }
    }
    if (sessions.isEmpty) this.#peers.forget(sessions);
    else this.#peers.arm(sessions);
  }

  #attemptFailed(sessions: PeerSessions, attempt: Attempt): void {
    this.#peers.endAttempt(sessions);
    if (attempt.purpose === "rekey") return;
    const { peer, answeredBy: key } = attempt;
    const endpoint = attempt.endpoints[0]!;
    const reason = key === null ? "timeout" : "wrong-key";
    this.#effects.push({ type: "failed", peer, endpoint, reason, key });
  }

  #transmit(to: Endpoint, bytes: Bytes): void {
    this.#effects.push({ type: "transmit", to, bytes });
  }

  /** An index that neither a session nor a handshake uses. */
  #newIndex(): number {
    for (;;) {
      const index = indexOf(this.#options.env.randomBytes(4));
      if (!this.#peers.hasIndex(index) && !this.#responding.has(index)) return index;
    }
  }

  /** The result of `read` on the bytes of a response; `null` where they are invalid. */
  #tryRead<T>(read: () => T, remote: Endpoint): T | null {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      const fields = { remote: endpointText(remote), reason: error.message };
      this.#options.env.log.info("datagram handshake refused", fields);
      return null;
    }
  }
}

function areSame(one: readonly Endpoint[], other: readonly Endpoint[]): boolean {
  return one.length === other.length && one.every((each, at) => isSameEndpoint(each, other[at]!));
}
