/**
 * The simulator's own test subject: a chat room by plain gossip, with the mesh's inputs, effects and messages.
 *
 * Every member links to every other, floods new messages, and compares frontiers on each new link and every 3 s. It
 * scales to a dozen members and defends itself against nobody, but keeps every promise that the checkers check. So
 * if a flaw is put into it (`Flaw`), the checkers find that flaw and nothing else.
 */

import type { Signer } from "../../../lib/base/crypto/crypto.ts";
import type { Environment } from "../../../lib/base/machine/environment.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import {
  type BundleId,
  type Endpoint,
  endpointText,
  type Hash,
  type LinkId,
  type PeerKey,
  type RoomId,
} from "../../../lib/base/ids.ts";
import { Deadlines, type Machine } from "../../../lib/base/machine/machine.ts";
import { foldName } from "../../../lib/base/text/names.ts";
import {
  bundleId,
  lastCounter,
  latestTime,
  makeBundle,
  messageId,
  roomTime,
} from "../../../lib/protocols/mesh/log/bundle.ts";
import {
  admitClaim,
  claimIdOf,
  completeClaim,
  roomIdOf,
  signBeacon,
  signGenesis,
} from "../../../lib/protocols/mesh/schema/credentials.ts";
import type { MeshEvent } from "../../../lib/protocols/mesh/schema/events.ts";
import type {
  MeshConfig,
  MeshEffect,
  MeshInput,
} from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import type { MeshMessage, StreamEntry } from "../../../lib/protocols/mesh/schema/messages.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import { HERE } from "../../../lib/base/machine/user_presence.ts";
import {
  type Bundle,
  type Head,
  type SignedBeacon,
  type SignedClaim,
  type SignedGenesis,
  type Stream,
  type StreamKey,
  streamKey,
  STRUCTURE_VERSION,
} from "../../../lib/protocols/mesh/schema/structures.ts";
import type { Held, MeshProbe } from "./checker.ts";
import type { Subject } from "./world.ts";

/** Flaws that can be put into it; each breaks one promise. */
export type Flaw =
  | "shows duplicates"
  | "never compares frontiers"
  | "leaves newcomers out"
  | "ignores heads"
  | "lists history as it came"
  | "keeps what waited"
  | "dials for ever"
  | "sends before it stores"
  | "relays before it delivers"
  | "forgets its frontier"
  | "shows before it stores"
  | "bans who repeats"
  | "keeps the dead"
  | "lets two have a name"
  | "drops one side of a link"
  | "joins twice";

const BEACON_MS = 2_000;
const LOST_AFTER_MS = 9_000;
const DIAL_MS = 1_000;
const COMPARE_MS = 3_000;
const WAITING_MAX = 64;
const ZERO_HASH = "0".repeat(64) as Hash;

type Welcome = Extract<MeshMessage, { readonly type: "welcome" }>;

interface Peer {
  claim: SignedClaim;
  beacon: SignedBeacon;
  heardMs: number;
  state: "alive" | "lost" | "quit";
}

interface Link {
  readonly peer: PeerKey;
  readonly dialled: boolean;
  readonly remote: Endpoint;
  member: boolean;
}

interface Delivered {
  readonly id: BundleId;
  readonly bundle: Bundle;
}

export class Gossip implements Machine<MeshInput, MeshEffect> {
  readonly #deadlines = new Deadlines({
    beacon: () => this.#renew(),
    dial: () => this.#dialMissing(),
    compare: () => this.#compareWithOne(),
  });
  readonly #links = new Map<LinkId, Link>();
  readonly #peers = new Map<PeerKey, Peer>();
  /** Members keep the names with which they joined. */
  readonly #claims = new Map<PeerKey, SignedClaim>();
  readonly #claimsStored = new Set<PeerKey>();
  /** The last beacon of each member on disk. */
  readonly #onDisk = new Map<PeerKey, SignedBeacon>();
  readonly #dials = new Map<number, PeerKey | null>();
  readonly #frontiers = new Map<StreamKey, Head>();
  readonly #delivered: Delivered[] = [];
  #heads: Head[] = [];
  #waiting: { readonly bundle: Bundle; readonly from: LinkId }[] = [];
  #genesis: SignedGenesis | null = null;
  #room: RoomId | null = null;
  #claim: SignedClaim | null = null;
  readonly #endpoint: Endpoint;
  #admittedBy: { readonly link: LinkId; readonly welcome: Welcome } | null = null;
  #incarnation = 0;
  #beaconNumber = 0;
  #counter = 0;
  #previous: BundleId | null = null;
  #attempt = 0;
  #ready = false;
  #nowMs = 0;
  #effects: MeshEffect[] = [];

  constructor(
    readonly config: MeshConfig,
    readonly signer: Signer,
    readonly environment: Environment,
    readonly flaw: Flaw | null,
  ) {
    this.#endpoint = { host: config.advertise.host ?? "", port: config.advertise.port };
  }

  nextDeadlineMs(): number | null {
    return this.#deadlines.nextMs();
  }

  step(input: MeshInput, nowMs: number): readonly MeshEffect[] {
    this.#nowMs = nowMs;
    this.#effects = [];
    switch (input.type) {
      case "start":
        this.#start();
        break;
      case "room-opened":
        this.#opened(input.records);
        break;
      case "link-up":
        this.#linkUp(input);
        break;
      case "link-down":
        this.#linkDown(input.link);
        break;
      case "dial-failed":
        this.#dials.delete(input.attempt);
        if (!this.#ready) this.#stop("unreachable");
        break;
      case "message":
        if (this.#links.has(input.link)) this.#message(input.link, input.message);
        break;
      case "command":
        this.#command(input);
        break;
      case "tick":
        this.#deadlines.tick(nowMs);
        break;
      case "congested":
      case "drained":
      case "unknown-message":
      case "persisted":
      case "persist-failed":
        break;
    }
    return this.#effects;
  }

  // For the checkers.

  lists(): null {
    return null;
  }

  mayAnswer(wanted: PeerKey, key: PeerKey): boolean {
    return wanted === key;
  }

  activeView(): PeerKey[] {
    const view = new Set<PeerKey>();
    for (const { peer, member } of this.#links.values()) if (member) view.add(peer);
    return [...view].slice(this.flaw === "drops one side of a link" ? 1 : 0);
  }

  frontiers(): [StreamKey, number][] | null {
    if (!this.#ready) return null;
    return [...this.#frontiers].map(([stream, { counter }]) => [stream, counter]);
  }

  frontier(stream: Stream): number {
    return this.#frontiers.get(streamKey(stream))?.counter ?? 0;
  }

  snapshot(): null {
    return null;
  }

  secrets(): null {
    return null;
  }

  isLeftOut(): false {
    return false;
  }

  isRemoved(): false {
    return false;
  }

  mayRemove(): false {
    return false;
  }

  excluded(): 0 {
    return 0;
  }

  isInviteVoid(): false {
    return false;
  }

  admit(): null {
    return null;
  }

  held(): Held[] {
    return [{ what: "waiting bundles", size: this.#waiting.length, max: WAITING_MAX }];
  }

  // Coming in.

  #start(): void {
    const { begin } = this.config;
    if (begin.kind === "join") return this.#dial(begin.contact, null);
    if (begin.kind === "resume") return this.#open(begin.room);
    const { crypto, randomBytes, wallMs } = this.environment;
    this.#genesis = signGenesis(crypto, this.signer, {
      version: STRUCTURE_VERSION,
      nonce: randomBytes(16),
      private: false,
      founder: this.signer.key,
      time: wallMs(),
    });
    this.#open(roomIdOf(crypto, this.#genesis));
  }

  #open(room: RoomId): void {
    this.#room = room;
    this.#effects.push({ type: "open-room", room });
  }

  #opened(records: readonly MeshRecord[]): void {
    let incarnation = Math.max(
      this.environment.wallMs(),
      this.#admittedBy?.welcome.incarnation ?? 0,
    );
    let shownAt = 0;
    const stored: Delivered[] = [];
    for (const record of records) {
      if (record.kind === "genesis") this.#genesis = record.genesis;
      else if (record.kind === "incarnation") {
        incarnation = Math.max(incarnation, record.incarnation + 1);
      } else if (record.kind === "claim") {
        this.#claims.set(record.claim.claim.value.key, record.claim);
        this.#claimsStored.add(record.claim.claim.value.key);
      } else if (record.kind === "member") {
        this.#onDisk.set(record.beacon.beacon.value.key, record.beacon);
      } else if (record.kind === "bundle") {
        stored.push(this.#take(record.bundle));
      } else if (record.kind === "shown") {
        const at = stored.findIndex(({ id }) => id === record.through);
        shownAt = Math.max(shownAt, at + 1);
      }
    }
    this.#incarnation = incarnation;
    this.#makeClaim();
    const fresh: MeshRecord[] = [{ kind: "incarnation", incarnation }];
    if (records.length === 0) fresh.unshift({ kind: "genesis", genesis: this.#genesis! });
    this.#effects.push({ type: "persist", records: fresh, token: null, sync: true });
    this.#ready = true;
    this.#show({
      event: "ready",
      command: "mesh",
      name: this.config.name,
      ...this.#endpoint,
      key: this.signer.key,
      room: this.#room!,
    });
    for (const delivered of stored.slice(shownAt)) this.#showBundle(delivered, true);
    this.#deadlines.set("beacon", this.#nowMs + BEACON_MS);
    this.#deadlines.set("dial", this.#nowMs);
    this.#deadlines.set("compare", this.#nowMs + COMPARE_MS);
    if (this.#admittedBy === null) return;
    const { link, welcome } = this.#admittedBy;
    this.#learn(welcome.admitterClaim);
    this.#heard(welcome.beacon, link);
    this.#greet(link);
  }

  #makeClaim(): void {
    const { crypto } = this.environment;
    this.#claim = this.#claims.get(this.signer.key) ?? completeClaim(
      crypto,
      this.signer,
      admitClaim(crypto, this.signer, {
        version: STRUCTURE_VERSION,
        room: this.#room!,
        name: this.config.name,
        folded: foldName(this.config.name),
        key: this.signer.key,
        incarnation: this.#incarnation,
        after: null,
        time: this.environment.wallMs(),
        admitter: this.signer.key,
      }),
    );
    this.#claims.set(this.signer.key, this.#claim);
  }

  #beacon(state: "alive" | "quit"): SignedBeacon {
    return signBeacon(this.environment.crypto, this.signer, {
      version: STRUCTURE_VERSION,
      room: this.#room!,
      key: this.signer.key,
      incarnation: this.#incarnation,
      number: ++this.#beaconNumber,
      state,
      claim: claimIdOf(this.environment.crypto, this.#claim!),
      endpoint: this.#endpoint,
      meeting: null,
      passive: false,
      boxKey: new Uint8Array(32),
      epoch: 0,
      frontier: ZERO_HASH,
      roster: ZERO_HASH,
      latest: 0,
      intervalMs: 10_000,
      process: this.config.process,
      ...HERE,
    });
  }

  #admit(link: LinkId, join: Extract<MeshMessage, { type: "join" }>): void {
    const { peer } = this.#links.get(link)!;
    const taken = [...this.#peers].some(([key, { claim, state }]) =>
      key !== peer && state !== "quit" && claim.claim.value.folded === foldName(join.name)
    );
    const own = this.#claim!.claim.value.folded === foldName(join.name);
    if ((taken || own) && this.flaw !== "lets two have a name") {
      this.#send(link, {
        type: "refuse",
        code: "name-taken",
        text: "the name is taken",
        room: null,
      });
      this.#effects.push({ type: "close", link, reason: "refused" });
      this.#links.delete(link);
      return;
    }
    this.#send(link, {
      type: "welcome",
      genesis: this.#genesis!,
      claim: this.#claim!,
      endpoint: null,
      incarnation: 1 + (this.#peers.get(peer)?.beacon.beacon.value.incarnation ?? 0),
      beacon: this.#beacon("alive"),
      admitterClaim: this.#claim!,
    });
  }

  // Links.

  #dial(endpoint: Endpoint, expect: PeerKey | null): void {
    const attempt = ++this.#attempt;
    this.#dials.set(attempt, expect);
    this.#effects.push({ type: "dial", attempt, endpoint, expect, room: this.#room, secret: null });
  }

  #linkUp(input: Extract<MeshInput, { type: "link-up" }>): void {
    const { link, peer, dialled, remote } = input;
    this.#links.set(link, { peer, dialled, remote, member: false });
    if (input.attempt !== null) this.#dials.delete(input.attempt);
    if (!dialled) return;
    if (this.#ready) return this.#greet(link);
    this.#send(link, {
      type: "join",
      room: this.#room,
      name: this.config.name,
      incarnation: this.environment.wallMs(),
      endpoint: this.#endpoint,
      earlier: null,
    });
  }

  #linkDown(link: LinkId): void {
    this.#links.delete(link);
    if (!this.#ready) this.#stop("unreachable");
  }

  #greet(link: LinkId): void {
    this.#send(link, {
      type: "hello",
      room: this.#room!,
      beacon: this.#beacon("alive"),
      claim: this.#claim!,
    });
  }

  /** The other side is a member. Of two links to it, the one dialled by the smaller key is kept. */
  #greeted(link: LinkId, hello: Extract<MeshMessage, { type: "hello" }>): void {
    const entry = this.#links.get(link)!;
    if (!entry.dialled) this.#greet(link);
    this.#learn(hello.claim);
    this.#heard(hello.beacon, link);
    entry.member = true;
    for (const [other, { peer, dialled, member }] of this.#links) {
      if (other === link || peer !== entry.peer || !member) continue;
      if (this.flaw === "dials for ever" || this.signer.key > peer) continue;
      const drop = dialled ? link : other;
      this.#links.delete(drop);
      this.#effects.push({ type: "close", link: drop, reason: "a second link" });
      if (drop === link) return;
    }
    const alive = [...this.#peers.values()].filter(({ state }) => state === "alive");
    this.#send(link, { type: "claims", claims: alive.map(({ claim }) => claim) });
    this.#send(link, {
      type: "beacons",
      beacons: alive.map((peer) => ({
        signed: peer.beacon,
        ageMs: this.#nowMs - peer.heardMs | 0,
      })),
    });
    if (this.flaw !== "never compares frontiers") this.#compare(link);
  }

  #compareWithOne(): void {
    this.#deadlines.set("compare", this.#nowMs + COMPARE_MS);
    const links = [...this.#links].filter(([, { member }]) => member);
    const chosen = links[Math.floor(this.environment.random() * links.length)];
    if (chosen !== undefined && this.flaw !== "never compares frontiers") this.#compare(chosen[0]);
  }

  #renew(): void {
    this.#deadlines.set("beacon", this.#nowMs + BEACON_MS);
    this.#flood({ type: "beacons", beacons: [{ signed: this.#beacon("alive"), ageMs: 0 }] }, null);
    for (const peer of this.#peers.values()) {
      const late = this.#nowMs - peer.heardMs > LOST_AFTER_MS;
      if (peer.state === "alive" && late && this.flaw !== "keeps the dead") {
        this.#left(peer, "lost");
      }
    }
  }

  #dialMissing(): void {
    this.#deadlines.set("dial", this.#nowMs + DIAL_MS);
    if (this.flaw !== "dials for ever" && this.#dials.size > 8) return;
    const linked = new Set([...this.#links.values()].map(({ peer }) => peer));
    const dialled = new Set(this.#dials.values());
    for (const [key, { beacon }] of this.#onDisk) {
      const { endpoint } = beacon.value;
      const needless = key === this.signer.key || this.#peers.get(key)?.state === "quit" ||
        (this.flaw !== "dials for ever" && (linked.has(key) || dialled.has(key)));
      if (endpoint !== null && !needless) this.#dial(endpoint, key);
    }
  }

  // Who is there.

  #learn(claim: SignedClaim): void {
    const { key } = claim.claim.value;
    if (!this.#claims.has(key)) this.#claims.set(key, claim);
  }

  #heard(beacon: SignedBeacon, from: LinkId): void {
    const { key, incarnation, number, state } = beacon.beacon.value;
    if (key === this.signer.key) return;
    const peer = this.#peers.get(key);
    if (peer !== undefined) {
      const before = peer.beacon.beacon.value;
      if (incarnation < before.incarnation) return;
      if (incarnation === before.incarnation && number <= before.number) return;
    }
    const known = this.#claims.get(key);
    if (known === undefined) return;
    const was = peer?.state ?? "lost";
    const entry: Peer = { claim: known, beacon, heardMs: this.#nowMs, state: was };
    this.#peers.set(key, entry);
    this.#flood({ type: "claims", claims: [known] }, from);
    this.#flood({ type: "beacons", beacons: [{ signed: beacon, ageMs: 0 }] }, from);
    if (state === "quit") {
      if (was === "alive") this.#left(entry, "quit");
      entry.state = "quit";
    } else if (was !== "alive" || this.flaw === "joins twice") {
      entry.state = "alive";
      const { host, port } = beacon.beacon.value.endpoint ?? { host: "?", port: 0 };
      this.#show({ event: "joined", name: known.claim.value.name, key, host, port });
    }
    const place = beacon.beacon.value.endpoint;
    const old = this.#onDisk.get(key)?.beacon.value.endpoint;
    if (place !== null && (!old || endpointText(old) !== endpointText(place))) {
      this.#onDisk.set(key, beacon);
      this.#effects.push({
        type: "persist",
        records: [{ kind: "member", beacon, heardWallMs: this.environment.wallMs() }],
        token: null,
        sync: false,
      });
    }
  }

  #left(peer: Peer, reason: "quit" | "lost"): void {
    peer.state = reason;
    const { name, key } = peer.claim.claim.value;
    this.#show({ event: "left", name, key, reason });
  }

  // Messages.

  #message(link: LinkId, message: MeshMessage): void {
    if (!this.#ready) {
      if (message.type === "welcome") {
        this.#genesis = message.genesis;
        this.#admittedBy = { link, welcome: message };
        this.#open(roomIdOf(this.environment.crypto, message.genesis));
      } else if (message.type === "refuse") {
        this.#stop("name-taken");
      } else {
        this.#links.delete(link); // the member dials again
        this.#effects.push({ type: "close", link, reason: "not in the room yet" });
      }
      return;
    }
    switch (message.type) {
      case "join":
        return this.#admit(link, message);
      case "hello":
        return this.#greeted(link, message);
      case "claims":
        for (const claim of message.claims) this.#learn(claim);
        return;
      case "beacons":
        for (const { signed } of message.beacons) {
          this.#heard(signed, link);
        }
        return;
      case "bundle":
        if (message.claim !== null) this.#learn(message.claim);
        return this.#received(message.bundle, link);
      case "sync-frontiers":
        return this.#supply(link, message.entries);
      default:
        return;
    }
  }

  #compare(link: LinkId): void {
    const entries = [...this.#frontiers.values()].map((head) => ({
      ...head,
      low: 1,
      closed: false,
    }));
    this.#send(link, {
      type: "sync-frontiers",
      buckets: [],
      entries,
      reply: false,
      last: true,
      floor: 0,
      unkept: [],
    });
  }

  #supply(link: LinkId, entries: readonly StreamEntry[]): void {
    if (entries.length === 0 && this.flaw === "leaves newcomers out") return;
    const has = new Map(entries.map((entry) => [streamKey(entry), entry.counter]));
    for (const { bundle } of this.#delivered) {
      const header = bundle.header.value;
      if (header.counter > (has.get(streamKey(header)) ?? 0)) this.#sendBundle(link, bundle);
    }
  }

  #received(bundle: Bundle, from: LinkId): void {
    const header = bundle.header.value;
    const at = this.#frontiers.get(streamKey(header))?.counter ?? 0;
    if (lastCounter(header) <= at) {
      if (this.flaw === "shows duplicates") {
        this.#showBundle(
          { id: bundleId(this.environment.crypto, bundle.header.bytes), bundle },
          true,
        );
      } else if (this.flaw === "bans who repeats") {
        this.#effects.push({ type: "ban", link: from, reason: "a duplicate", durationMs: 60_000 });
      }
      return;
    }
    if (this.flaw === "relays before it delivers") this.#relay(bundle, from);
    this.#waiting.push({ bundle, from });
    for (let again = true; again;) {
      again = false;
      for (const [at, waiting] of this.#waiting.entries()) {
        const { header } = waiting.bundle;
        const next = (this.#frontiers.get(streamKey(header.value))?.counter ?? 0) + 1;
        if (header.value.counter < next && this.flaw !== "keeps what waited") {
          this.#waiting.splice(at, 1);
          again = true;
          break;
        }
        if (header.value.counter === next && this.#hasHeads(header.value.heads)) {
          if (this.flaw !== "keeps what waited") this.#waiting.splice(at, 1);
          this.#deliver(waiting.bundle, waiting.from);
          again = true;
          break;
        }
      }
    }
    if (this.#waiting.length > WAITING_MAX && this.flaw !== "keeps what waited") {
      this.#waiting.shift();
    }
  }

  #hasHeads(heads: readonly Head[]): boolean {
    if (this.flaw === "ignores heads") return true;
    return heads.every((head) => {
      return (this.#frontiers.get(streamKey(head))?.counter ?? 0) >= head.counter;
    });
  }

  #deliver(bundle: Bundle, from: LinkId | null): void {
    const { author } = bundle.header.value;
    const records: MeshRecord[] = [{ kind: "bundle", bundle }];
    const claim = this.#claims.get(author);
    if (claim !== undefined && !this.#claimsStored.has(author)) {
      this.#claimsStored.add(author);
      records.unshift({ kind: "claim", claim });
    }
    const persist: MeshEffect = { type: "persist", records, token: null, sync: true };
    const delivered = this.#take(bundle);
    const show = () => {
      this.#showBundle(delivered, false);
      this.#effects.push({ type: "shown", through: delivered.id });
    };
    if (this.flaw === "forgets its frontier" && from !== null) {
      this.#relay(bundle, from);
      return show();
    }
    if (this.flaw === "shows before it stores") show();
    if (this.flaw === "sends before it stores") this.#relay(bundle, from);
    this.#effects.push(persist);
    if (this.flaw !== "sends before it stores") this.#relay(bundle, from);
    if (this.flaw !== "shows before it stores") show();
  }

  #take(bundle: Bundle): Delivered {
    const header = bundle.header.value;
    const id = bundleId(this.environment.crypto, bundle.header.bytes);
    const { author, incarnation, time } = header;
    const head: Head = { author, incarnation, counter: lastCounter(header), time, id };
    const stream = streamKey(header);
    this.#frontiers.set(stream, head);
    const ids = new Set(header.heads.map((before) => before.id));
    this.#heads = this.#heads.filter((before) =>
      !ids.has(before.id) && streamKey(before) !== stream
    );
    this.#heads.push(head);
    const delivered = { id, bundle };
    this.#delivered.push(delivered);
    return delivered;
  }

  #relay(bundle: Bundle, from: LinkId | null): void {
    for (const [link, { member }] of this.#links) {
      if (member && link !== from) this.#sendBundle(link, bundle);
    }
  }

  #showBundle({ id, bundle }: Delivered, history: boolean): void {
    const header = bundle.header.value;
    for (const [index, text] of bundle.texts.value.entries()) {
      this.#show({
        event: "message",
        id: messageId(id, index),
        from: this.#nameOf(header.author),
        shown: this.#nameOf(header.author),
        key: fingerprintOf(header.author),
        text,
        self: header.author === this.signer.key,
        private: false,
        history,
        sentAt: new Date(header.sentAt).toISOString(),
      });
    }
  }

  #nameOf(key: PeerKey): string {
    return this.#claims.get(key)?.claim.value.name ?? "";
  }

  // The user.

  #command({ command, ref }: Extract<MeshInput, { type: "command" }>): void {
    if (command.command === "say") return this.#say(command.text);
    if (command.command === "peers") return this.#showPeers();
    if (command.command === "history") return this.#showHistory(command.count ?? 100);
    if (command.command === "quit") return this.#quit();
    this.#show({ event: "error", code: "not-allowed", text: "Not in this room" }, ref);
  }

  #say(text: string): void {
    const { crypto, wallMs } = this.environment;
    const heads = this.#heads.slice(-64);
    const { bundle, id } = makeBundle(crypto, this.signer, {
      room: this.#room!,
      author: this.signer.key,
      incarnation: this.#incarnation,
      kind: "texts",
      counter: ++this.#counter,
      claim: claimIdOf(crypto, this.#claim!),
      previous: this.#previous,
      heads,
      time: roomTime(wallMs(), latestTime(heads, 0)),
      sentAt: wallMs(),
      texts: [text],
    });
    this.#previous = id;
    this.#deliver(bundle, null);
  }

  #showPeers(): void {
    const own = { name: this.config.name, key: this.signer.key as string, direct: true };
    const others = [...this.#peers].filter(([, { state }]) => state === "alive").map(
      ([key, { beacon }]) => ({
        name: this.#nameOf(key),
        key,
        ...beacon.beacon.value.endpoint ?? { host: "?", port: 0 },
        direct: true,
      }),
    );
    this.#show({ event: "peers", peers: [{ ...own, ...this.#endpoint }, ...others] });
  }

  #showHistory(count: number): void {
    const ordered = [...this.#delivered];
    if (this.flaw !== "lists history as it came") {
      ordered.sort((a, b) => {
        const byTime = a.bundle.header.value.time - b.bundle.header.value.time;
        return byTime !== 0 ? byTime : a.id < b.id ? -1 : 1;
      });
    }
    const messages = ordered.flatMap(({ id, bundle }) =>
      bundle.texts.value.map((text, index) => ({
        id: messageId(id, index),
        from: this.#nameOf(bundle.header.value.author),
        shown: this.#nameOf(bundle.header.value.author),
        key: fingerprintOf(bundle.header.value.author),
        text,
        sentAt: new Date(bundle.header.value.sentAt).toISOString(),
      }))
    );
    this.#show({ event: "history", messages: messages.slice(-count) });
  }

  #quit(): void {
    // A member that is still joining has nobody to tell.
    if (this.#claim !== null) {
      this.#flood({ type: "beacons", beacons: [{ signed: this.#beacon("quit"), ageMs: 0 }] }, null);
    }
    for (const link of this.#links.keys()) {
      this.#effects.push({ type: "close", link, reason: "quit" });
    }
    this.#effects.push({ type: "stop", outcome: { kind: "bye", reason: "quit", ref: undefined } });
  }

  // Effects.

  #sendBundle(link: LinkId, bundle: Bundle): void {
    const claim = this.#claims.get(bundle.header.value.author) ?? null;
    const message: MeshMessage = { type: "bundle", bundle, claim, hop: 0, reason: "push" };
    this.#effects.push({ type: "send", link, message, lane: "data" });
  }

  #send(link: LinkId, message: MeshMessage): void {
    this.#effects.push({ type: "send", link, message, lane: "control" });
  }

  #flood(message: MeshMessage, except: LinkId | null): void {
    for (const [link, { member }] of this.#links) {
      if (member && link !== except) this.#send(link, message);
    }
  }

  #show(event: MeshEvent, ref?: string): void {
    this.#effects.push({ type: "show", event, ref });
  }

  #stop(code: "unreachable" | "name-taken"): void {
    this.#deadlines.clear("dial");
    this.#effects.push({ type: "stop", outcome: { kind: "fatal", code, text: code } });
  }
}

/** The subject with this flaw; null for none. */
export function gossipSubject(flaw: Flaw | null): Subject {
  return {
    name: flaw ?? "gossip",
    membersMax: 8,
    features: {
      privateMessages: false,
      claims: false,
      names: flaw === "lets two have a name",
      copies: false,
      fullDisk: false,
      unknownAddress: false,
      liars: false,
      privateRooms: false,
      roams: false,
      deaf: false,
      removals: false,
    },
    create: (config, signer, environment) => new Gossip(config, signer, environment, flaw),
    probe: (machine) => machine as Gossip satisfies MeshProbe,
  };
}
