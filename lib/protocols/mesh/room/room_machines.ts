/** The machines of one membership, each with the ports through which it asks the others. */

import type { Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import { fingerprintFault, fingerprintOf } from "../../../base/text/fingerprint.ts";
import {
  type BundleId,
  type ClaimId,
  type Endpoint,
  isSameEndpoint,
  type PeerKey,
} from "../../../base/ids.ts";
import { foldName, nameBeforeStart, withoutMark } from "../../../base/text/names.ts";
import { type Machine, Timetable } from "../../../base/machine/machine.ts";
import { AntiEntropy } from "../sync/anti_entropy.ts";
import { Broadcast } from "../broadcast/broadcast.ts";
import { BROADCAST_LAN } from "../broadcast/broadcast_io.ts";
import { Entrances } from "../membership/entrances.ts";
import { KnownMembers } from "../authority/known_members.ts";
import type { Contact } from "../schema/messages.ts";
import { RoomNames } from "../names/room_names.ts";
import { NAME_RACE_MS } from "../names/names_io.ts";
import { CausalOrder } from "../log/causal_order.ts";
import { Overlay } from "../membership/overlay.ts";
import { OVERLAY_LAN, type Standing } from "../membership/overlay_io.ts";
import { PrivateMessages } from "../private/private_messages.ts";
import { PRIVATE_DEFAULTS, type ShownBundles } from "../private/private_messages_io.ts";
import { type MeshRecord, rememberedContacts } from "../schema/records.ts";
import type { RoomConfig } from "./room_io.ts";
import type { LiveMember, RoomFacts } from "./room_events.ts";
import type { KnownClaim } from "../schema/credentials.ts";
import type { Claim, SignedClaim } from "../schema/structures.ts";
import { type Member, Roster } from "../roster/roster.ts";
import { ROSTER_LAN } from "../roster/roster_io.ts";
import { RoomRulings } from "../authority/room_rulings.ts";
import { RoomSecrets } from "../authority/room_secrets.ts";

/** Those that are given inputs, and have effects. */
export type RoutedMachines = Pick<
  RoomMachines,
  | "roster"
  | "overlay"
  | "order"
  | "broadcast"
  | "antiEntropy"
  | "privateMessages"
  | "secrets"
  | "names"
  | "rulings"
>;

export class RoomMachines {
  readonly order: CausalOrder;
  readonly antiEntropy: AntiEntropy;
  readonly overlay: Overlay;
  readonly broadcast: Broadcast;
  readonly roster: Roster;
  readonly names: RoomNames;
  readonly privateMessages: PrivateMessages;
  readonly secrets: RoomSecrets;
  readonly rulings: RoomRulings;
  readonly entrances: Entrances;
  readonly known: KnownMembers;
  /** The machines whose effects concern others (`Router`); of those due at once the first is served first. */
  readonly routed: RoutedMachines;
  /**
   * Where others reached us before; null where we haven't moved. With two of us, the other may have changed places with
   * us.
   */
  #formerAddress: Endpoint | null = null;
  /** Members from the records on disk, for finding the room again. */
  readonly #stored: readonly Contact[];
  readonly #timetable: Timetable;

  /** @param isShown Whether the user has been shown a bundle that the order has delivered. */
  constructor(
    readonly config: RoomConfig,
    readonly signer: Signer,
    readonly environment: Environment,
    isShown: ShownBundles["isShown"],
    nowMs: number,
  ) {
    const { room, incarnation, records, passive, founded, genesis, own } = config;
    const self = signer.key;
    const knowsRoom = founded ||
      records.some(({ kind }) => kind === "bundle" || kind === "frontier" || kind === "shown");
    this.#stored = rememberedContacts(records, self);
    this.entrances = new Entrances(records);
    // The claims that stored bundles name; needed only until the order has taken the records in.
    const onDisk = new Set<ClaimId>();
    for (const record of records) {
      if (record.kind === "bundle") onDisk.add(record.bundle.header.value.claim);
    }
    const { earlierMs = Infinity } = config;
    this.roster = new Roster({ records, earlierMs, timing: ROSTER_LAN, own }, environment, signer, {
      isClaimKept: (id) => onDisk.has(id) || this.order?.isClaimKept(id) === true,
      frontier: () => this.order.root(),
      latest: () => this.#latest(),
      epoch: () => this.config.secrets?.epoch ?? 0,
      isRemoved: (key) => config.rulings.isRemoved(key),
    });
    this.names = new RoomNames(
      {
        self,
        records,
        ...(config.refused === undefined ? {} : { refused: config.refused }),
        ...(config.verified === undefined ? {} : { verified: config.verified }),
        raceMs: NAME_RACE_MS,
        isVouched: (claim) => this.roster.isVouched(claim),
        claimants: (folded) => this.roster.claimants(folded),
      },
      fingerprintOf,
    );
    const mayBeOthers = () => this.#mayBeOthers();
    const genesisTime = genesis.genesis.value.time;
    this.order = new CausalOrder(
      { room, genesisTime, incarnation, claim: null, records, mayBeOthers },
      environment,
      signer,
      (id: ClaimId) => this.roster.claim(id)?.signed.claim.value ?? null,
    );
    onDisk.clear();
    this.antiEntropy = new AntiEntropy(
      { key: self, newcomer: !knowsRoom, mayBeOthers },
      environment,
      this.order,
    );
    this.overlay = new Overlay({ ...OVERLAY_LAN, passive }, environment, self, {
      own: () => {
        const endpoint = this.ownEndpoint();
        return endpoint === null ? null : { key: self, endpoint };
      },
      endpointsOf: (key) => this.#endpointsOf(key),
      live: () => this.#contacts(({ state }) => state === "alive"),
      standings: () => this.#standings(),
      isHere: (time) => this.order.isHere(time),
      lastOwn: () => this.order.lastOwn(),
      isCatchingUp: () => this.antiEntropy.sources().size > 0,
      remembered: () => this.#rememberedContacts(),
      met: (kind) =>
        this.entrances.contacts(kind).filter(({ key }) =>
          key !== self && !config.rulings.isRemoved(key)
        ),
    }, nowMs);
    this.broadcast = new Broadcast(BROADCAST_LAN, {
      frontier: (stream) => this.order.frontier(stream),
      has: (stream, counter) => this.order.has(stream, counter),
    });
    const isHeadShown: ShownBundles["isShown"] = (head) =>
      isShown(head) && this.order.frontier(head).counter >= head.counter;
    this.privateMessages = new PrivateMessages(
      { ...PRIVATE_DEFAULTS, room, incarnation, records, earlierMs },
      signer,
      environment,
      { heads: () => this.order.heads(), isShown: isHeadShown },
      (key) => this.roster.member(key) !== null,
      (key, name) => this.names.isRefused(key, name),
    );
    this.known = new KnownMembers(records, [self, genesis.genesis.value.founder], {
      claimsOf: (key) => valuesOf(this.roster.claimsOf(key)),
      admittedBy: (key) => valuesOf(this.roster.claimsAdmittedBy(key)),
      isRemoved: (key) => config.rulings.isRemoved(key),
    });
    this.secrets = new RoomSecrets({ id: room, genesis }, config.secrets, signer, environment, {
      selfClaim: () => this.roster.selfClaim(),
      claim: (id) => this.roster.claim(id)?.signed ?? null,
      members: () => this.known.stay(),
    }, nowMs);
    this.rulings = new RoomRulings({ id: room, genesis }, config.rulings, signer, environment);
    this.routed = {
      roster: this.roster,
      overlay: this.overlay,
      order: this.order,
      broadcast: this.broadcast,
      antiEntropy: this.antiEntropy,
      privateMessages: this.privateMessages,
      secrets: this.secrets,
      names: this.names,
      rulings: this.rulings,
    };
    this.#timetable = new Timetable(Object.values(this.routed));
  }

  /** Gives one of the machines an input; no input may bypass this, as the timetable must know. */
  step<Input, Effect>(
    machine: Machine<Input, Effect>,
    input: Input,
    nowMs: number,
  ): readonly Effect[] {
    this.#timetable.changed(machine);
    return machine.step(input, nowMs);
  }

  isDue(machine: Machine<never, unknown>, nowMs: number): boolean {
    return this.#timetable.isDue(machine, nowMs);
  }

  nextDeadlineMs(): number | null {
    return this.#timetable.nextMs();
  }

  /** This process stood still, see `Roster`. */
  awoke(stalledMs: number, nowMs: number): void {
    this.roster.awoke(stalledMs, nowMs);
    this.#timetable.changed(this.roster);
  }

  /** The records of a compacted log, without those that say how much was shown. */
  snapshot(nowMs: number): readonly MeshRecord[] {
    const wallMs = this.environment.wallMs();
    const members: MeshRecord[] = [];
    for (const { key, sinceMs } of this.roster.members()) {
      const credentials = this.roster.credentialsOf(key);
      if (credentials === null) continue;
      const heardWallMs = Math.max(0, Math.round(wallMs - Math.max(0, nowMs - sinceMs)));
      members.push({ kind: "member", beacon: credentials.beacon, heardWallMs });
    }
    // The claims come before the bundles that are shown under them. All known ones, since none is written again
    // when a bundle names it. The last one of our own is the one of our present name.
    const own = this.roster.selfClaim();
    const claims = this.roster.claims().map(({ signed }) => signed).filter((one) => one !== own);
    return [
      { kind: "genesis", genesis: this.config.genesis },
      { kind: "incarnation", incarnation: this.config.incarnation },
      ...this.config.secrets?.snapshot() ?? [],
      ...this.config.rulings.snapshot(),
      ...[...claims, own].map((claim) => ({ kind: "claim" as const, claim })),
      ...this.entrances.records,
      ...this.known.snapshot(),
      ...members,
      ...this.names.snapshot(),
      ...this.order.snapshot(),
      ...this.privateMessages.snapshot(),
    ];
  }

  /** Where others can dial us; null where nobody can. */
  ownEndpoint(): Contact["endpoint"] | null {
    return this.roster.selfBeacon().beacon.value.endpoint;
  }

  /** Whether there may be members that aren't neighbours: yes, until a neighbour's roster has arrived. */
  #mayBeOthers(): boolean {
    const { roster, overlay } = this;
    return !roster.hasNeighboursRoster() || roster.liveCount > 1 + overlay.activeView().length;
  }

  /** The room time up to which we have everything: the order's, or less where we are fetching from neighbours. */
  #latest(): number {
    let latest = this.order.latest();
    for (const { stream, goal } of this.antiEntropy.wanted()) {
      latest = Math.min(latest, this.order.reached(stream, goal));
    }
    return latest;
  }

  /** Whether the peer's beacon shows our own frontier. Room times can't tell: several authors may have the same. */
  isLevel(peer: PeerKey): boolean {
    return this.roster.member(peer)?.beacon.frontier === this.order.root();
  }

  /** The latest head that was delivered here; null in a room without messages. */
  latestHead(): { readonly time: number; readonly id: BundleId } | null {
    let latest: { readonly time: number; readonly id: BundleId } | null = null;
    for (const { time, id } of this.order.heads()) {
      if (latest === null || time > latest.time) latest = { time, id };
    }
    return latest;
  }

  /** The queries of the view. */
  facts(): RoomFacts {
    return {
      live: () => this.#liveMembersByName(),
      ownEndpoint: () => this.ownEndpoint(),
      ownPresence: () => this.roster.presence,
      shownName: (key) => this.names.shownName(key),
      authorName: (key, claimed) => this.names.authorName(key, claimed),
      lost: () => this.#lostMembers(),
      strangerNamed: (name) => this.names.keyOf(name),
      knownNames: () => this.names.known(),
      nameAsMet: (typed) => this.names.nameAsMet(typed),
      knownInstead: (key) => this.names.knownInstead(key),
      isRefused: (key) => this.names.isRefused(key),
      calledApart: (key) => this.names.calledApart(key),
      nameClaimedBy: (key) => this.roster.member(key)?.claim.signed.claim.value.name ?? null,
      nameOnceClaimedBy: (key) => {
        const claims = [...valuesOf(this.roster.claimsOf(key))];
        return claims.toSorted((a, b) => b.time - a.time)[0]?.name ?? null;
      },
      isListed: (key) => this.roster.isLive(key),
      claimedName: (claim) => this.roster.claim(claim)?.signed.claim.value.name ?? null,
      history: (count) => this.order.history(count),
      messages: () => this.order.messages(),
    };
  }

  /**
   * The keys that may not be in the room and that anybody here has met as `name`, or that are shown as `name~k7f3`;
   * where that is a fingerprint, the key itself: somebody else may have taken it for a name.
   */
  removedNamed(name: string): readonly PeerKey[] {
    if (fingerprintFault(name) === null) {
      return this.config.rulings.removed.filter((key) => fingerprintOf(key) === name);
    }
    const folded = foldName(withoutMark(name));
    const plain = nameBeforeStart(folded);
    const keys = new Set<PeerKey>();
    for (const { signed } of this.roster.claims()) {
      const claim = signed.claim.value;
      if (claim.folded !== plain || !this.config.rulings.isRemoved(claim.key)) continue;
      // Not by the start of the key alone: it may be that of others, too.
      const isMeant = plain === folded ||
        foldName(this.names.authorName(claim.key, claim.name)) === folded;
      if (isMeant) keys.add(claim.key);
    }
    return [...keys];
  }

  #liveMembersByName(): readonly LiveMember[] {
    const members: (LiveMember & { readonly name: string })[] = [];
    for (const { key, state, beacon, suspected, sinceMs } of this.roster.members()) {
      if (key === this.signer.key || state !== "alive") continue;
      const name = this.names.shownName(key) ?? "";
      members.push({ key, beacon, suspected, heardMs: sinceMs, name });
    }
    return members.toSorted((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  }

  #lostMembers(): readonly PeerKey[] {
    const lost: PeerKey[] = [];
    for (const { key, state, fromDisk } of this.roster.members()) {
      if (state === "lost" && !fromDisk) lost.push(key);
    }
    return lost;
  }

  /**
   * Contacts of members that aren't live: from disk, from the roster, and those of the last 7 days that the roster has
   * forgotten: where two members have forgotten each other, nobody else may be left that knows both. Members that we
   * met ourselves stay, however many were made up since.
   */
  #rememberedContacts(): readonly Contact[] {
    const contacts = new Map<PeerKey, Contact>();
    for (const kind of ["caller", "entrance"] as const) {
      for (const contact of this.entrances.contacts(kind)) contacts.set(contact.key, contact);
    }
    for (const contact of this.#stored) contacts.set(contact.key, contact);
    for (const contact of this.roster.forgotten()) contacts.set(contact.key, contact);
    for (const contact of this.#contacts(({ state }) => state !== "alive")) {
      contacts.set(contact.key, contact);
    }
    return [...contacts.values()].filter(({ key }) =>
      !this.roster.isLive(key) && !this.config.rulings.isRemoved(key)
    );
  }

  /**
   * Whether this checked claim wins its name over all that have it: whoever left the name by `/name` has freed it, but for
   * the founder's.
   */
  precedes(claim: SignedClaim): boolean {
    const { key, folded, time } = claim.claim.value;
    const isFounder = key === this.config.genesis.genesis.value.founder;
    const isFreed = Iterator.from(valuesOf(this.roster.claimsOf(key)))
      .some((other) => other.folded !== folded && other.time > time);
    return (isFounder || !isFreed) && this.names.precedes(this.roster.knownClaim(claim));
  }

  /** Others reach us here from now on. */
  movedTo(endpoint: Endpoint): void {
    const own = this.entrances.contacts("caller").find(({ key }) => key === this.signer.key);
    if (own === undefined || isSameEndpoint(own.endpoint, endpoint)) return;
    this.#formerAddress = own.endpoint;
  }

  /** A member was found there: nobody else is looked for where we were before. */
  foundAt(endpoint: Endpoint): void {
    const former = this.#formerAddress;
    if (former !== null && isSameEndpoint(former, endpoint)) this.#formerAddress = null;
  }

  /** See `MemberDirectory`. */
  #endpointsOf(key: PeerKey): readonly Endpoint[] {
    const { endpoint = null, meeting = null } = this.roster.member(key)?.beacon ?? {};
    const all = [this.entrances.provenAt(key), endpoint, meeting];
    const known = all.filter((endpoint) => endpoint !== null);
    return known.length === 0 || this.#formerAddress === null
      ? known
      : [...known, this.#formerAddress];
  }

  #standings(): readonly Standing[] {
    const root = this.order.root();
    return this.#contacts(({ state }) => state === "alive").map((contact) => {
      const { beacon: { latest, frontier }, sinceMs } = this.roster.member(contact.key)!;
      const reach = this.order.reachOf(latest);
      return { contact, madeMs: sinceMs, latest, reach, isEqual: frontier === root };
    });
  }

  #contacts(choose: (member: Member) => boolean): readonly Contact[] {
    const contacts: Contact[] = [];
    for (const member of this.roster.members()) {
      const { key } = member;
      const [endpoint] = this.#endpointsOf(key);
      if (key !== this.signer.key && endpoint !== undefined && choose(member)) {
        contacts.push({ key, endpoint });
      }
    }
    return contacts;
  }
}

function* valuesOf(claims: Iterable<KnownClaim>): Generator<Claim, undefined> {
  for (const { signed } of claims) yield signed.claim.value;
}
