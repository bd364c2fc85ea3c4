/** Sessions whose peer is heard from another address, until it has proven that it receives there. */

import type { Bytes } from "../../base/crypto/crypto.ts";
import { type Endpoint, isRelayed, isSameEndpoint } from "../../base/ids.ts";
import type { HandshakeEnvironment } from "../noise/identity_handshake.ts";
import { CHALLENGE_BYTES } from "./limits.ts";
import { NewPath, type Session } from "./session.ts";

export class NewPaths {
  constructor(
    readonly env: Pick<HandshakeEnvironment, "randomBytes">,
    readonly transmit: (to: Endpoint, bytes: Bytes) => void,
  ) {}

  /**
   * An authentic datagram of `bytes` bytes came from `from`.
   * @param isNewest Whether none that was sealed later came before it: a late one doesn't say where the peer is.
   */
  heard(session: Session, from: Endpoint, bytes: number, isNewest: boolean, nowMs: number): void {
    if (isSameEndpoint(from, session.endpoint)) return;
    // A relay is taken by a handshake alone, where nothing passes directly: what comes through it late moves nobody.
    if (isRelayed(from) && !isRelayed(session.endpoint)) return;
    if (session.newPath === null || !isSameEndpoint(from, session.newPath.endpoint)) {
      if (!isNewest) return;
      // Several addresses are tried at once: the first from which something comes has its time.
      if (isRelayed(session.endpoint) && session.newPath?.isAsked) return;
      const challenge = new Uint8Array(this.env.randomBytes(CHALLENGE_BYTES));
      session.newPath = new NewPath(from, challenge, nowMs);
    }
    session.newPath.received(bytes, nowMs);
    this.challengeIfDue(session, nowMs);
  }

  /** Asks whether the peer receives at its new address, where it has one and hasn't been asked enough. */
  challengeIfDue(session: Session, nowMs: number): void {
    const { newPath } = session;
    if (newPath === null || newPath.dueMs === null || newPath.dueMs > nowMs) return;
    const datagram = session.seal("challenge", newPath.challenge);
    if (newPath.take(datagram.length)) this.transmit(newPath.endpoint, datagram);
    newPath.challenged(nowMs);
  }

  /** The peer asks whether we receive where it sent this to: it is sent back to where it came from. */
  challenged(session: Session, challenge: Uint8Array, from: Endpoint): void {
    if (challenge.length !== CHALLENGE_BYTES) return;
    const { newPath, endpoint } = session;
    const datagram = session.seal("proof", challenge);
    const isProven = isSameEndpoint(from, endpoint);
    const isNew = newPath !== null && isSameEndpoint(from, newPath.endpoint);
    if (isProven || (isNew && newPath.take(datagram.length))) this.transmit(from, datagram);
  }

  /** A challenge came back: the session moves where it was asked for. @returns Whether it did. */
  proven(session: Session, proof: Uint8Array, from: Endpoint): boolean {
    const { newPath } = session;
    if (newPath === null || !isSameEndpoint(from, newPath.endpoint)) return false;
    if (proof.toHex() !== newPath.challenge.toHex()) return false;
    session.endpoint = newPath.endpoint;
    session.newPath = null;
    return true;
  }
}
