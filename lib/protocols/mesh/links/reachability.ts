/**
 * Whether others can dial us, for a process that announces an address which nobody has given to it: behind a firewall
 * or a NAT that address is of no use, and all that dial it wait in vain.
 *
 * That somebody has dialled us proves nothing of it: behind a forwarded port or a tunnel, who came in has dialled another
 * address. So neighbours are asked: one that has dialled the announced address says so, and others dial it, as in AutoNAT
 * (libp2p, specs/autonat). The majority of their answers counts.
 */

import {
  canonicalHost,
  isLinkLocal,
  isPrivateHost,
  parseHost,
  undiallable,
} from "../../../base/text/endpoints.ts";
import { type Endpoint, isSameEndpoint, type PeerKey } from "../../../base/ids.ts";
import { Deadlines } from "../../../base/machine/machine.ts";
import { type MeshLink, reachedAt } from "./link_table.ts";
import type { ReachabilityMessage } from "../schema/messages.ts";
import { Rates } from "../../../base/rates/token_bucket.ts";
import type { Dial } from "./dialling.ts";
import {
  DIAL_BACK_ASKERS_MAX,
  DIAL_BACKS_AT_ONCE_MAX,
  DIAL_BACKS_BURST,
  DIAL_BACKS_PER_MINUTE,
} from "../schema/limits.ts";
import type { DialFailureReason } from "../schema/mesh_io.ts";

/** A newcomer that can be dialled is dialled within seconds: at the ends of its walks, or by all in a small room. */
const DIALLED_WITHIN_MS = 10_000;
/** A dial lasts up to 10 s; a neighbour may be busy. */
const ANSWER_MS = 15_000;
/** What others found, or couldn't find, may be different later: there was a split, or somebody opens a port. */
const ASK_AGAIN_MS_MIN = 60_000;
const ASK_AGAIN_MS_MAX = 10 * 60_000;
/** By then who has dialled us is a neighbour, and can be asked. */
const COME_IN_MS = 1_000;
/** AutoNAT asks more; these are drawn from five neighbours at most, and each costs a handshake. */
const ASKED_MAX = 3;

/** Whether people may be shown this as an address: they will paste it into a command line. */
function isPossible({ host, port }: Endpoint): boolean {
  return port > 0 && parseHost(host) === host && undiallable(host) === null;
}

type Answer = Pick<
  Extract<ReachabilityMessage, { readonly type: "dialled-back" }>,
  "reachable" | "reached"
>;

interface ReachabilityPort {
  neighbours(): readonly Pick<MeshLink, "peer" | "remote" | "dialled">[];
  /** To be answered by `answered`, or `gone`. */
  ask(peer: PeerKey, endpoint: Endpoint): void;
  /**
   * It is known now whether others can dial us there, and differs from what was believed.
   * @param elsewhere Where a neighbour says that it has dialled us; null where none does.
   */
  changed(endpoint: Endpoint, isReachable: boolean, elsewhere: Endpoint | null): void;
}

export class Reachability {
  /** The endpoint to announce, unless nobody can dial it; null where there is nothing to find out. */
  #endpoint: Endpoint | null = null;
  /** Null while it isn't known: then the address is announced. */
  #isReachable: boolean | null = null;
  /** What each neighbour that was asked has found; null for one that hasn't answered, or couldn't tell. */
  readonly #answers = new Map<PeerKey, boolean | null>();
  readonly #awaited = new Set<PeerKey>();
  #askedMs = -Infinity;
  #elsewhere: Endpoint | null = null;
  readonly deadlines = new Deadlines({
    /** When neighbours are asked. */
    ask: (nowMs) => this.#ask(nowMs),
    /** When we wait no longer for neighbours that haven't answered. */
    answer: (nowMs) => this.#decide(nowMs),
  });
  /** The pause until the next question, unless this one finds that others can dial us; twice as long each time. */
  #pauseMs = ASK_AGAIN_MS_MIN;

  constructor(private readonly port: ReachabilityPort) {}

  /** This address is announced from now on. */
  announced(endpoint: Endpoint, nowMs: number): void {
    this.#endpoint = endpoint;
    this.#isReachable = null;
    this.#elsewhere = null;
    this.#pauseMs = ASK_AGAIN_MS_MIN;
    this.#forget();
    this.deadlines.set("ask", nowMs + DIALLED_WITHIN_MS);
  }

  /** A peer has dialled us from `remote`, at the announced address or elsewhere: if nobody could so far, it is asked. */
  dialled(remote: Endpoint, nowMs: number): void {
    if (this.#isReachable !== false || !this.#canTell(remote)) return;
    this.deadlines.setEarliest("ask", Math.max(nowMs + COME_IN_MS, this.#askedMs + ANSWER_MS));
  }

  /** Whether a peer at `remote` can tell: one in our own local network shows nothing about a public address. */
  #canTell(remote: Endpoint): boolean {
    if (remote.host === "") return false; // through a meeting point
    return !isPrivateHost(remote.host) || isPrivateHost((this.#endpoint ?? remote).host);
  }

  /** A neighbour says whether we can be dialled: null where it can't tell. */
  answered(peer: PeerKey, { reachable, reached }: Answer, nowMs: number): void {
    if (!this.#awaited.delete(peer)) return;
    this.#answers.set(peer, reachable);
    if (reachable === false && reached !== null && isPossible(reached)) this.#elsewhere = reached;
    if (this.#awaited.size === 0) this.#decide(nowMs);
  }

  /** The neighbour's link is down. */
  gone(peer: PeerKey, nowMs: number): void {
    this.answered(peer, { reachable: null, reached: null }, nowMs);
  }

  #ask(nowMs: number): void {
    this.#forget();
    const endpoint = this.#endpoint;
    if (endpoint === null) return;
    const able = this.port.neighbours().filter(({ remote }) => this.#canTell(remote))
      .toSorted((a, b) => Number(a.dialled) - Number(b.dialled));
    const asked = able.slice(0, ASKED_MAX).map(({ peer }) => peer);
    if (asked.length === 0) {
      this.deadlines.set("ask", nowMs + DIALLED_WITHIN_MS);
      return;
    }
    for (const peer of asked) {
      this.#answers.set(peer, null);
      this.#awaited.add(peer);
    }
    this.#askedMs = nowMs;
    this.deadlines.set("answer", nowMs + ANSWER_MS);
    for (const peer of asked) this.port.ask(peer, endpoint);
  }

  /** The majority counts, of at least two where two were asked: a single liar can't stop us from being announced. */
  #decide(nowMs: number): void {
    const answers = [...this.#answers.values()];
    const yes = answers.filter((answer) => answer === true).length;
    const no = answers.filter((answer) => answer === false).length;
    this.#forget();
    this.deadlines.set("ask", nowMs + this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, ASK_AGAIN_MS_MAX);
    if (yes > 0 && yes >= no) this.#learn(true);
    else if (no >= 2 || (no === 1 && answers.length === 1)) this.#learn(false);
  }

  #learn(isReachable: boolean): void {
    if (this.#endpoint === null) return;
    if (isReachable) {
      this.#forget();
      this.deadlines.clear("ask");
      this.#pauseMs = ASK_AGAIN_MS_MIN;
    }
    const before = this.#isReachable ?? true;
    this.#isReachable = isReachable;
    if (isReachable !== before) this.port.changed(this.#endpoint, isReachable, this.#elsewhere);
  }

  #forget(): void {
    this.#answers.clear();
    this.#awaited.clear();
    this.deadlines.clear("answer");
  }
}

/** A p2pchat answers there, but we can't tell whether it is the member that asks. */
const UNTOLD: readonly DialFailureReason[] = ["full", "refused", "bad-credentials"];

export interface DialBacksPort {
  dial(dial: Pick<Dial, "purpose" | "peer" | "endpoint">): void;
  /**
   * @param isReachable Null where we can't tell.
   * @param reached Where we have dialled the peer; null where it has dialled us.
   * @param isMapped As it was in the question.
   */
  answer(
    peer: PeerKey,
    isReachable: boolean | null,
    reached: Endpoint | null,
    isMapped: boolean,
  ): void;
}

/**
 * Dials that members ask us for, to learn whether others can dial them (`reachability.ts`). Who has dialled us is dialled
 * at the host from which its link comes, so that no stranger can make us dial third parties. Whom we have dialled
 * ourselves, at another address than it announces, is dialled at that one. Few of either kind: a member that wants many
 * dials pays for each with a message over a link of its own, which cost it a handshake as well.
 *
 * A mapped address, which a router has named, is dialled as it is, and only where the member's link comes from its host:
 * the answer is about that address, and another one that leads to the member, as on its own network, says nothing of it.
 */
export class DialBacks {
  /** By key, since links come and go. */
  readonly #rates = new Rates<PeerKey>(
    DIAL_BACKS_PER_MINUTE / 60,
    DIAL_BACKS_BURST,
    DIAL_BACK_ASKERS_MAX,
  );
  /** Of each peer that is being dialled for its question: where we had dialled it; null where it had dialled us. */
  readonly #underWay = new Map<
    PeerKey,
    { readonly reached: Endpoint | null; readonly isMapped: boolean }
  >();

  constructor(private readonly port: DialBacksPort) {}

  /** A member asks whether it can be dialled where it says. @param isMapped Whether a router has named that. */
  asked(link: MeshLink, announced: Endpoint, nowMs: number, isMapped = false): void {
    const { peer, remote } = link;
    const reached = reachedAt(link);
    if (reached !== null && isSameEndpoint(reached, announced)) {
      return this.port.answer(peer, true, reached, isMapped);
    }
    const isElsewhere = isMapped && canonicalHost(announced.host) !== canonicalHost(remote.host);
    const endpoint = reached === null ? { host: remote.host, port: announced.port } : announced;
    // A link-local address means something on one interface alone, which a dial doesn't name.
    const isDialable = endpoint.port > 0 && parseHost(endpoint.host) === endpoint.host &&
      !isLinkLocal(endpoint.host);
    const isPast = this.#underWay.size >= DIAL_BACKS_AT_ONCE_MAX || this.#underWay.has(peer);
    if (isElsewhere || !isDialable || isPast || !this.#rates.take(peer, nowMs)) {
      return this.port.answer(peer, null, reached, isMapped);
    }
    this.#underWay.set(peer, { reached, isMapped });
    this.port.dial({ purpose: "dial-back", peer, endpoint });
  }

  /** A dial has ended. @param reason Why it failed; null where the member has answered. */
  ended({ peer }: Dial, reason: DialFailureReason | null): void {
    if (peer === null) return;
    const { reached, isMapped } = this.#underWay.get(peer) ?? { reached: null, isMapped: false };
    this.#underWay.delete(peer);
    const isUntold = reason !== null && UNTOLD.includes(reason);
    this.port.answer(peer, isUntold ? null : reason === null, reached, isMapped);
  }
}
