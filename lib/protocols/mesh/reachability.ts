/**
 * Whether others can dial us, for a process that announces an address which nobody has given to it: behind a firewall
 * or a NAT that address is of no use, and all that dial it wait in vain.
 *
 * A process that was dialled can be dialled. One that nobody has dialled for a while asks neighbours that it has
 * dialled itself to dial it back, as AutoNAT does (libp2p, specs/autonat), and goes by the majority of their answers.
 */

import type { Endpoint, PeerKey } from "../../base/ids.ts";
import { Deadlines } from "../../base/machine.ts";
import { isPrivateHost } from "./addresses.ts";
import type { MeshLink } from "./link_table.ts";

const DEADLINES = [
  /** When neighbours are asked. */
  "ask",
  /** When we wait no longer for neighbours that haven't answered. */
  "answer",
] as const;

/** A newcomer that can be dialled is dialled within seconds: at the ends of its walks, or by all in a small room. */
const DIALLED_WITHIN_MS = 10_000;
/** A dial lasts up to 10 s; a neighbour may be busy. */
const ANSWER_MS = 15_000;
/** What others found, or couldn't find, may be different later: there was a split, or somebody opens a port. */
const ASK_AGAIN_MS_MIN = 60_000;
const ASK_AGAIN_MS_MAX = 10 * 60_000;
/** AutoNAT asks more; these are drawn from five neighbours at most, and each costs a handshake. */
const ASKED_MAX = 3;

export interface ReachabilityPort {
  /** Neighbours that we have dialled; one that dialled us needn't be asked. */
  neighbours(): readonly Pick<MeshLink, "peer" | "remote">[];
  /** To be answered by `answered`, or `gone`. */
  ask(peer: PeerKey): void;
  /** It is known now whether others can dial us there, and differs from what was believed. */
  changed(endpoint: Endpoint, isReachable: boolean): void;
}

export class Reachability {
  /** The endpoint to announce, unless nobody can dial it; null where there is nothing to find out. */
  #endpoint: Endpoint | null = null;
  /** Null while it isn't known: then the address is announced. */
  #isReachable: boolean | null = null;
  /** What each neighbour that was asked has found; null for one that hasn't answered, or couldn't tell. */
  readonly #answers = new Map<PeerKey, boolean | null>();
  readonly #awaited = new Set<PeerKey>();
  readonly #deadlines = new Deadlines(DEADLINES);
  /** The pause until the next question, unless this one finds that others can dial us; twice as long each time. */
  #pauseMs = ASK_AGAIN_MS_MIN;

  constructor(private readonly port: ReachabilityPort) {}

  nextDeadlineMs(): number | null {
    return this.#deadlines.nextMs();
  }

  postpone(delayMs: number): void {
    this.#deadlines.postpone(delayMs);
  }

  /** This address is announced from now on. */
  announced(endpoint: Endpoint, nowMs: number): void {
    this.#endpoint = endpoint;
    this.#isReachable = null;
    this.#pauseMs = ASK_AGAIN_MS_MIN;
    this.#forget();
    this.#deadlines.set("ask", nowMs + DIALLED_WITHIN_MS);
  }

  /** A peer has dialled us from `remote`. */
  dialled(remote: Endpoint): void {
    if (this.#canTell(remote)) this.#learn(true);
  }

  /** Whether a peer at `remote` can tell: one in our own local network shows nothing about a public address. */
  #canTell(remote: Endpoint): boolean {
    return !isPrivateHost(remote.host) || isPrivateHost((this.#endpoint ?? remote).host);
  }

  /** A neighbour has tried to dial us. @param isReachable Null where it couldn't. */
  answered(peer: PeerKey, isReachable: boolean | null, nowMs: number): void {
    if (!this.#awaited.delete(peer)) return;
    this.#answers.set(peer, isReachable);
    if (this.#awaited.size === 0) this.#decide(nowMs);
  }

  /** The neighbour's link is down. */
  gone(peer: PeerKey, nowMs: number): void {
    this.answered(peer, null, nowMs);
  }

  tick(nowMs: number): void {
    for (const name of this.#deadlines.takeDue(nowMs)) {
      if (name === "ask") this.#ask(nowMs);
      else this.#decide(nowMs);
    }
  }

  #ask(nowMs: number): void {
    this.#forget();
    const able = this.port.neighbours().filter(({ remote }) => this.#canTell(remote));
    const asked = able.slice(0, ASKED_MAX).map(({ peer }) => peer);
    if (asked.length === 0) {
      this.#deadlines.set("ask", nowMs + DIALLED_WITHIN_MS);
      return;
    }
    for (const peer of asked) {
      this.#answers.set(peer, null);
      this.#awaited.add(peer);
    }
    this.#deadlines.set("answer", nowMs + ANSWER_MS);
    for (const peer of asked) this.port.ask(peer);
  }

  /** The majority counts, of at least two where two were asked: a single liar can't stop us from being announced. */
  #decide(nowMs: number): void {
    const answers = [...this.#answers.values()];
    const yes = answers.filter((answer) => answer === true).length;
    const no = answers.filter((answer) => answer === false).length;
    this.#forget();
    this.#deadlines.set("ask", nowMs + this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, ASK_AGAIN_MS_MAX);
    if (yes > 0 && yes >= no) this.#learn(true);
    else if (no >= 2 || (no === 1 && answers.length === 1)) this.#learn(false);
  }

  #learn(isReachable: boolean): void {
    if (this.#endpoint === null) return;
    if (isReachable) {
      this.#forget();
      this.#deadlines.clear("ask");
      this.#pauseMs = ASK_AGAIN_MS_MIN;
    }
    const before = this.#isReachable ?? true;
    this.#isReachable = isReachable;
    if (isReachable !== before) this.port.changed(this.#endpoint, isReachable);
  }

  #forget(): void {
    this.#answers.clear();
    this.#awaited.clear();
    this.#deadlines.clear("answer");
  }
}
