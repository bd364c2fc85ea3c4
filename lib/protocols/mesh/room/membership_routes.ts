/** What follows from who is a neighbour, who is here, under which name, and who may be here. */

import type { EffectOf } from "../../../base/machine/machine.ts";
import { endpointText, type PeerKey } from "../../../base/ids.ts";
import { meetingPlace } from "../../../base/text/meeting_address.ts";
import { shownName } from "../../../base/text/names.ts";
import type { RulingsEffect } from "../authority/room_rulings.ts";
import type { SecretsEffect } from "../authority/secrets_io.ts";
import type { OverlayEffect } from "../membership/overlay_io.ts";
import type { NamesEffect } from "../names/names_io.ts";
import type { RosterEffect } from "../roster/roster_io.ts";
import { claimIdOf, type KnownClaim } from "../schema/credentials.ts";
import type { Contact } from "../schema/messages.ts";
import type { FirstHandKind } from "../schema/records.ts";
import type { SignedClaim, SignedRuling } from "../schema/structures.ts";
import { Newcomers } from "./newcomers.ts";
import type { RoomEvents } from "./room_events.ts";
import type { Give, Own, RoomParts } from "./room_parts.ts";
import type { Handlers } from "./router.ts";

/** For what concerns nobody else. */
const NOTHING = () => {};

export class MembershipRoutes {
  readonly #parts: RoomParts;
  readonly #give: Give;
  readonly #newcomers = new Newcomers();
  /** The `ref` of the command that our new name answers, while that name is being taken in. */
  #renameRef: string | undefined;

  constructor(parts: RoomParts, give: Give) {
    this.#parts = parts;
    this.#give = give;
  }

  // The overlay: who our neighbours are.

  overlay(): Handlers<Own<OverlayEffect>> {
    const { links, neighbours } = this.#parts;
    return {
      dial: ({ contact }) => links.dial(contact),
      release: ({ peer, reason }) => links.release(peer, reason),
      "neighbour-up": (effect) => {
        const { peer } = effect;
        neighbours.up(peer);
        // Before anything else: whom this member keeps out, the neighbour keeps out from then on.
        this.#give("rulings", effect);
        this.#give("roster", effect);
        this.#give("order", { type: "neighbours", peers: neighbours.peers });
        this.#give("broadcast", effect);
        this.#give("secrets", effect);
        this.#give("antiEntropy", effect);
        if (neighbours.isCongested(peer)) this.congested(peer);
        this.#metNeighbour(peer);
      },
      "neighbour-down": (effect) => {
        const { peer } = effect;
        neighbours.down(peer);
        this.#give("rulings", effect);
        this.#give("roster", effect);
        this.#give("broadcast", effect);
        this.#give("secrets", effect);
        this.#give("antiEntropy", effect);
        this.#give("order", { type: "neighbours", peers: neighbours.peers });
      },
    };
  }

  /** What is sent to this peer may be dropped. */
  congested(peer: PeerKey): void {
    this.#give("antiEntropy", { type: "congested", peer });
    this.#give("broadcast", { type: "congested", peer });
  }

  #metNeighbour(peer: PeerKey): void {
    const endpoint = this.#parts.machines.roster.member(peer)?.beacon.endpoint ?? null;
    if (endpoint !== null) this.met("caller", { key: peer, endpoint });
  }

  /** Remembers a member that we have met: the next start dials it first. */
  met(kind: FirstHandKind, contact: Contact): void {
    const { machines, environment, out } = this.#parts;
    const record = machines.entrances.met(kind, contact, environment.wallMs());
    if (record !== null) out.persistLater([record], false);
  }

  // Who is here, and under which name.

  roster(): Handlers<Own<RosterEffect>> {
    const { view, out } = this.#parts;
    return {
      joined: (effect) => this.#joined(effect),
      left: (effect) => this.#left(effect),
      absent: (effect) => this.#give("names", effect),
      forgotten: (effect) => this.#give("names", effect),
      reclaimed: (effect) => this.#give("names", effect),
      vouched: (effect) => this.#give("names", effect),
      presence: (effect) => view.presence(effect, out.nowMs),
      updated: (effect) => this.#updated(effect),
      suspected: NOTHING,
      unsuspected: NOTHING,
      copied: ({ key }) => view.copied(key, out.nowMs),
      "claim-known": (effect) => this.#give("order", effect),
      "replaced-self": () => view.fatal("replaced", REPLACED_TEXT),
      // Claims and addresses: nobody relies on them before they are synced.
      persist: ({ records }) => out.persistLater(records, false),
    };
  }

  #joined(effect: EffectOf<RosterEffect, "joined">): void {
    const { view, out } = this.#parts;
    const { key, beacon, present } = effect;
    this.#newcomers.came(key, present || !view.ready, out.nowMs);
    this.#present(key);
    this.#give("names", effect);
    this.#heardOf(key, beacon.latest);
    this.#give("privateMessages", { type: "present", peer: key, boxKey: beacon.boxKey });
    view.joined(key, beacon, present || !view.ready);
  }

  /** Whether this member has come only just. */
  isNew(key: PeerKey): boolean {
    return this.#newcomers.isNew(key, this.#parts.out.nowMs);
  }

  /** Remembers in a private room who has been there: an earlier invite is good for these. */
  #present(key: PeerKey): void {
    const { config, machines, out } = this.#parts;
    if (config.secrets === null) return;
    const record = machines.known.came(key);
    if (record !== null) out.persistLater([record], false);
  }

  #left(effect: EffectOf<RosterEffect, "left">): void {
    const { machines, view, neighbours, flow, ownWords, out } = this.#parts;
    const { key, reason } = effect;
    // The user is told of the name before the name is taken away.
    view.left(key, reason, effect.silentMs);
    // The neighbour waits for this before it goes.
    if (reason === "quit" && neighbours.has(key)) out.send(key, { type: "disconnect" });
    // Another process with this key is still the same member.
    if (reason !== "replaced") {
      const because = reason === "quit" ? "quit" : "it is no longer in the room";
      this.#give("overlay", { type: "peer-gone", peer: key, reason: because });
    }
    flow.left(key);
    if (reason === "removed" && machines.roster.liveCount <= 1) ownWords.heard();
    this.#give("privateMessages", { type: "absent", peer: key, reason });
    this.#give("names", effect);
  }

  #updated({ key, beacon }: EffectOf<RosterEffect, "updated">): void {
    this.#heardOf(key, beacon.latest);
    this.#give("secrets", { type: "beacon", peer: key, epoch: beacon.epoch });
    if (this.#parts.neighbours.has(key)) {
      this.#give("overlay", { type: "peer-endpoint", peer: key, endpoint: beacon.endpoint });
    }
    this.#give("privateMessages", { type: "present", peer: key, boxKey: beacon.boxKey });
  }

  /** A member says up to which room time it has everything. */
  #heardOf(key: PeerKey, latest: number): void {
    const { machines, flow, ownWords } = this.#parts;
    flow.heard(key, machines.order.reachOf(latest));
    if (flow.hasOwn(key)) ownWords.heard();
  }

  names(): Handlers<Own<NamesEffect>> {
    const { view, out } = this.#parts;
    return {
      renamed: (effect) => view.renamed(effect, this.#takeRenameRef(effect.key)),
      "pin-contested": (effect) => view.pinContested(effect),
      "key-changed": (effect) => view.keyChanged(effect),
      "name-lost-self": ({ winner, consequence, shown }) => {
        const { name } = winner.signed.claim.value;
        if (consequence === "stay") return view.nameLost(name, shown);
        view.fatal("name-taken", view.ready ? nameLostText(name) : nameTakenText(name));
      },
      persist: ({ records }) => out.persistLater(records, true),
      pin: (effect) => out.later(effect),
    };
  }

  /** Our name from now on. @param ref Of the command that asked for it. */
  ownClaim(claim: SignedClaim, ref?: string): void {
    const id = claimIdOf(this.#parts.environment.crypto, claim);
    const known: KnownClaim = { id, signed: claim };
    this.#renameRef = ref;
    this.#give("names", { type: "own", claim: known });
    this.#give("order", { type: "own-claim", claim: id });
    this.#renameRef = undefined;
  }

  /**
   * The `ref` of the command that this member's new name answers: it is given out once, and never for another
   * member's name.
   */
  #takeRenameRef(key: PeerKey): string | undefined {
    if (key !== this.#parts.signer.key) return undefined;
    const ref = this.#renameRef;
    this.#renameRef = undefined;
    return ref;
  }

  // Who may be here.

  secrets(): Handlers<Own<SecretsEffect>> {
    const { config, view, links, out } = this.#parts;
    return {
      persist: (effect) => out.persistOf("secrets", effect),
      stays: () => links.secretChanged(),
      changed: ({ rotation, overOwn }) => {
        links.secretChanged();
        view.secretChanged(rotation, overOwn);
      },
      invite: (asked) => {
        view.invite(config.secrets?.current() ?? null, this.entrances(), asked);
        view.pointOfInvite(this.entrances(), asked.as, this.#cameThrough());
      },
      refused: ({ code, text, ref }) => view.error(code, text, ref),
    };
  }

  /** The meeting point through which we have met somebody at last; null where there is none. */
  #cameThrough(): string | null {
    const places = this.#parts.machines.entrances.contacts("entrance")
      .map(({ endpoint }) => meetingPlace(endpoint));
    const last = places.findLast((place) => place !== null) ?? null;
    return last === null ? null : endpointText(last.at);
  }

  /** Where a newcomer can come in. */
  entrances(): ReturnType<RoomEvents["entrances"]> {
    const { machines, neighbours, view } = this.#parts;
    const beacons = neighbours.peers.map((peer) => machines.roster.member(peer)?.beacon)
      .filter((beacon) => beacon !== undefined);
    // Before addresses at which perhaps only their own network reaches them: an invite has few, and we may be gone.
    const met = beacons.map(({ meeting }) => meeting ?? null).find((place) => place !== null);
    const dialled = beacons.map(({ endpoint }) => endpoint).filter((endpoint) => endpoint !== null);
    return view.entrances(met === undefined ? dialled : [met, ...dialled]);
  }

  rulings(): Handlers<Own<RulingsEffect>> {
    const { view, out } = this.#parts;
    return {
      persist: (effect) =>
        effect.token === null ? out.persistFirst(effect.records) : out.persistOf("rulings", effect),
      changed: ({ rulings, ref }) => this.#ruled(rulings, ref),
      refused: ({ code, text, ref }) => view.error(code, text, ref),
    };
  }

  /** Who may be in the room may have changed. */
  #ruled(rulings: readonly SignedRuling[], ref: string | undefined): void {
    const { config, signer, view, links } = this.#parts;
    const kept = config.rulings;
    if (kept.isRemoved(signer.key)) return view.fatal("kicked", view.rulings.removedText());
    view.rulings.ruled(rulings, view.ready, ref);
    // All of them: what a deputy ruled about others stops to count, or counts again, with a ruling about the deputy.
    this.#give("roster", { type: "removed", keys: kept.removed });
    links.rulingsChanged();
    const isOwn = rulings.some(({ ruling: { value } }) => value.author === signer.key);
    this.#give("secrets", { type: "ruled", isOwn, ref });
  }
}

/** Shown when the same key is in use at two places at once. */
export const REPLACED_TEXT =
  "Left the room: the same key came in again from another place; use one profile at one place at a time. If that " +
  "wasn't you, somebody has a copy of your profile, and can read and write as you: tell the others, and use a new profile";

/** Shown to a newcomer whose name somebody else had first. */
export function nameTakenText(name: string): string {
  return `Cannot come in as ${
    shownName(name)
  }: somebody else has that name here, or was lost less than a day ago; choose another one`;
}

function nameLostText(name: string): string {
  return `You are no longer in the room: somebody else was first with the name ${
    shownName(name)
  }; ` +
    "start again with another name";
}
