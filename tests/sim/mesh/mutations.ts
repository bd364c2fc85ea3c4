/**
 * Bugs put into the mesh from outside, one at a time, each of which the simulator must find. Most wrap the machine;
 * where the rule is too deep inside, a method is replaced while the test runs.
 */

import type { LinkId, PeerKey } from "../../../lib/base/ids.ts";
import type { MeshEvent } from "../../../lib/protocols/mesh/schema/events.ts";
import { Access } from "../../../lib/protocols/mesh/access.ts";
import { KeptSecrets } from "../../../lib/protocols/mesh/authority/kept_secrets.ts";
import { ActiveView, OverlayLinks } from "../../../lib/protocols/mesh/membership/active_view.ts";
import { Mesh } from "../../../lib/protocols/mesh/mesh.ts";
import type { MeshEffect, MeshInput } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import { CatchUpGate } from "../../../lib/protocols/mesh/room/catch_up_gate.ts";
import { Ledger } from "../../../lib/protocols/mesh/log/ledger.ts";
import { OrderView } from "../../../lib/protocols/mesh/log/order_view.ts";
import { OverlayAttempts } from "../../../lib/protocols/mesh/membership/overlay_dials.ts";
import { RoomMachines } from "../../../lib/protocols/mesh/room/room_machines.ts";
import { RoomRulings } from "../../../lib/protocols/mesh/authority/room_rulings.ts";
import { RoomSecrets } from "../../../lib/protocols/mesh/authority/room_secrets.ts";
import { RosterIntake } from "../../../lib/protocols/mesh/roster/roster_intake.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import { DeliveryGate } from "../../../lib/protocols/mesh/room/delivery_gate.ts";
import type { SignedBeacon } from "../../../lib/protocols/mesh/schema/structures.ts";
import type { MeshMachine } from "./member.ts";
import { replaced } from "../replaced.ts";
import { SendsBeforeSync, Tells } from "../wrapped.ts";
import { Wrapped } from "./wrapped.ts";

export interface Mutation {
  /** What the machine does wrong: completes "a mesh that". */
  readonly name: string;
  readonly wrap?: (mesh: Mesh) => MeshMachine;
  /** Replaces methods. @returns A function that restores them. */
  readonly install?: () => () => void;
}

const REPLAY_MS = 5_000;
const { step: rule } = RoomRulings.prototype;

/** Delivers and shows others' bundles without writing them to disk. */
class ForgetsFrontier extends Wrapped {
  constructor(readonly mesh: Mesh) {
    super(mesh);
  }
  override effects(effects: readonly MeshEffect[]): MeshEffect[] {
    const own = this.mesh.signer.key;
    return effects.map((effect) => {
      if (effect.type !== "persist") return effect;
      const records = effect.records.filter((record) =>
        record.kind !== "bundle" || record.bundle.header.value.author === own
      );
      return { ...effect, records };
    });
  }
}

/** Tells nobody who was removed. */
class KeepsRulingsToItself extends Wrapped {
  override effects(effects: readonly MeshEffect[]): readonly MeshEffect[] {
    return effects.filter((effect) => effect.type !== "send" || effect.message.type !== "rulings");
  }
}

/** Relays every bundle as it arrives, before checking what it depends on. */
class RelaysBeforeDelivery extends Wrapped {
  readonly #links = new Set<LinkId>();
  override effects(effects: readonly MeshEffect[], input: MeshInput): readonly MeshEffect[] {
    if (input.type === "link-up") this.#links.add(input.link);
    if (input.type === "link-down") this.#links.delete(input.link);
    if (input.type !== "message" || input.message.type !== "bundle") return effects;
    const { link: from, message } = input;
    const relayed = [...this.#links].filter((link) => link !== from).map((link): MeshEffect => {
      return { type: "send", link, message, lane: "data" };
    });
    return [...relayed, ...effects];
  }
}

/** Rejects bundles whose time is ahead of its own clock. */
class OwnClock extends Wrapped {
  constructor(readonly mesh: Mesh) {
    super(mesh);
  }
  override input(input: MeshInput): MeshInput | null {
    if (input.type !== "message" || input.message.type !== "bundle") return input;
    const { time } = input.message.bundle.header.value;
    const aheadMs = time - this.mesh.environment.wallMs();
    return aheadMs > 24 * 60 * 60 * 1_000 ? null : input;
  }
}

/** Never announces the latest messages. */
class KeepsLastToItself extends Wrapped {
  override effects(effects: readonly MeshEffect[]): MeshEffect[] {
    return effects.filter((effect) => effect.type !== "send" || effect.message.type !== "ihave");
  }
}

/** Doesn't write records of this kind, but takes them for written. */
class DoesNotWrite extends Wrapped {
  constructor(mesh: Mesh, readonly kind: MeshRecord["kind"]) {
    super(mesh);
  }
  override effects(effects: readonly MeshEffect[]): MeshEffect[] {
    return effects.map((effect) =>
      effect.type === "persist"
        ? { ...effect, records: effect.records.filter(({ kind }) => kind !== this.kind) }
        : effect
    );
  }
}

/** Ignores records of this kind when it reads its disk. */
class DoesNotRead extends Wrapped {
  constructor(mesh: Mesh, readonly kind: MeshRecord["kind"]) {
    super(mesh);
  }
  override input(input: MeshInput): MeshInput {
    if (input.type !== "room-opened") return input;
    return { ...input, records: input.records.filter(({ kind }) => kind !== this.kind) };
  }
}

/** Changes the events that the user is shown; null omits one. */
function tells(mesh: Mesh, instead: (event: MeshEvent) => MeshEvent | null): MeshMachine {
  return new Tells<MeshInput, MeshEffect, MeshEvent>(mesh, instead);
}

/** Never shows its user that a member has left, nor that the member returns. */
function letsNobodyLeave(mesh: Mesh): MeshMachine {
  const here = new Set<string>();
  return tells(mesh, (event) => {
    if (event.event === "left") return null;
    if (event.event !== "joined") return event;
    const isKnown = here.has(event.key);
    here.add(event.key);
    return isKnown ? null : event;
  });
}

/** Not a bug but a nuisance: keeps sending its neighbours every beacon that it ever received, as if new. */
class Replayer extends Wrapped {
  readonly #links = new Set<LinkId>();
  readonly #heard = new Map<PeerKey, SignedBeacon>();
  #againMs = 0;
  override effects(
    effects: readonly MeshEffect[],
    input: MeshInput,
    nowMs: number,
  ): readonly MeshEffect[] {
    if (input.type === "link-down") this.#links.delete(input.link);
    if (input.type === "message") {
      if (input.message.type === "beacons") {
        this.#links.add(input.link); // a link to a member, as only members send beacons
        for (const { signed } of input.message.beacons) {
          this.#heard.set(signed.beacon.value.key, signed);
        }
      }
    }
    if (nowMs < this.#againMs || input.type !== "tick") return effects;
    this.#againMs = nowMs + REPLAY_MS;
    const beacons = [...this.#heard.values()].slice(-64).map((signed) => ({ signed, ageMs: 0 }));
    const replayed = [...this.#links].map((link): MeshEffect => {
      return { type: "send", link, message: { type: "beacons", beacons }, lane: "control" };
    });
    return [...effects, ...replayed];
  }
}

/** A beacon as old as that of a lost member revives the member. */
function installRevival(): () => void {
  const { isNews } = RosterIntake.prototype;
  RosterIntake.prototype.isNews = function (beacon) {
    const known = this.table.get(beacon.key);
    return known?.state === "lost" || isNews.call(this, beacon);
  };
  return () => {
    RosterIntake.prototype.isNews = isNews;
  };
}

/** Of two bundles with one number, the first is believed, and equivocation isn't looked for. */
function installBelief(): () => void {
  const { nearby } = Ledger.prototype;
  const { disagrees } = OrderView.prototype;
  Ledger.prototype.nearby = () => [];
  OrderView.prototype.disagrees = () => false;
  return () => {
    Ledger.prototype.nearby = nearby;
    OrderView.prototype.disagrees = disagrees;
  };
}

/** Admits everybody who knows any secret that the room ever had. */
function installOldInvites(): () => void {
  const { admit } = Mesh.prototype;
  Mesh.prototype.admit = () => null;
  return () => {
    Mesh.prototype.admit = admit;
  };
}

/** Of two secrets of one epoch, the one that arrives first is kept. */
function installFirstSecret(): () => void {
  const { wants } = KeptSecrets.prototype;
  KeptSecrets.prototype.wants = function (rotation) {
    return rotation.epoch !== this.epoch && wants.call(this, rotation);
  };
  return () => {
    KeptSecrets.prototype.wants = wants;
  };
}

/** Its own rotation takes effect, and is shown, before it is on disk. */
function installHasty(): () => void {
  const { step } = RoomSecrets.prototype;
  RoomSecrets.prototype.step = function (input, nowMs) {
    const effects = step.call(this, input, nowMs);
    const [first] = effects;
    if (first?.type !== "persist" || first.token === null) return effects;
    const stored = step.call(this, { type: "stored", token: first.token }, nowMs);
    return [...stored, { ...first, token: null }];
  };
  return () => {
    RoomSecrets.prototype.step = step;
  };
}

/** A member that can't be dialled takes all the slots it can get, as if it had none, and gives none up. */
function installGreed(): () => void {
  const { spareVictim } = ActiveView.prototype;
  const inUse = Object.getOwnPropertyDescriptor(OverlayLinks.prototype, "inboundInUse")!;
  const asked = Object.getOwnPropertyDescriptor(OverlayAttempts.prototype, "asked")!;
  ActiveView.prototype.spareVictim = () => null;
  Object.defineProperty(OverlayLinks.prototype, "inboundInUse", { ...inUse, get: () => 0 });
  Object.defineProperty(OverlayAttempts.prototype, "asked", { ...asked, get: () => 0 });
  return () => {
    ActiveView.prototype.spareVictim = spareVictim;
    Object.defineProperty(OverlayLinks.prototype, "inboundInUse", inUse);
    Object.defineProperty(OverlayAttempts.prototype, "asked", asked);
  };
}

/** Tells its user as soon as the last neighbour is gone, even if other members can be dialled. */
class TellsTooSoon extends Wrapped {
  #linked = false;
  constructor(readonly mesh: Mesh) {
    super(mesh);
  }
  override effects(effects: readonly MeshEffect[]): readonly MeshEffect[] {
    const was = this.#linked;
    this.#linked = (this.mesh.room?.neighbours.length ?? 0) > 0;
    if (this.#linked || !was) return effects;
    const text = "No link to any other member; trying those who were here";
    return [...effects, { type: "show", event: { event: "notice", text }, ref: undefined }];
  }
}

/** Everything below the first neighbour's frontiers counts as history, whenever it was sent. */
function installBaselineAlone(): () => void {
  const { isSaidTo } = CatchUpGate.prototype;
  CatchUpGate.prototype.isSaidTo = () => false;
  return () => {
    CatchUpGate.prototype.isSaidTo = isSaidTo;
  };
}

/** The neighbour that admits a newcomer counts as having nothing. */
function installNoBaseline(): () => void {
  const { frontiers } = DeliveryGate.prototype;
  DeliveryGate.prototype.frontiers = function (effect, nowMs) {
    frontiers.call(this, { ...effect, entries: [], floor: 0 }, nowMs);
  };
  return () => {
    DeliveryGate.prototype.frontiers = frontiers;
  };
}

export const MUTATIONS = {
  sendsBeforeSync: {
    name: "sends its own bundles before they are synced",
    wrap: (mesh) =>
      new SendsBeforeSync<MeshInput, MeshEffect>(mesh, (effect) => {
        if (effect.type !== "persist" || effect.token === null) return null;
        const { token } = effect;
        return { answer: { type: "persisted", token }, unawaited: { ...effect, token: null } };
      }),
  },
  forgetsFrontier: {
    name: "doesn't store what it delivers",
    wrap: (mesh) => new ForgetsFrontier(mesh),
  },
  relaysBeforeDelivery: {
    name: "relays before it delivers",
    wrap: (mesh) => new RelaysBeforeDelivery(mesh),
  },
  keepsRulingsToItself: {
    name: "tells nobody who was removed",
    wrap: (mesh) => new KeepsRulingsToItself(mesh),
  },
  tellsTheSecret: {
    name: "tells nobody who was removed, and everybody the secret",
    wrap: (mesh) => new KeepsRulingsToItself(mesh),
    install: replaced(Access.prototype, "leftOutBy", () => null),
  },
  keepsRemoved: {
    name: "remembers who was removed, and does nothing about it",
    install: replaced(RoomRulings.prototype, "step", function (this: RoomRulings, ...of) {
      return rule.apply(this, of).filter(({ type }) => type !== "changed");
    }),
  },
  ownClock: {
    name: "refuses what is ahead of its own clock",
    wrap: (mesh) => new OwnClock(mesh),
  },
  keepsLastToItself: {
    name: "never announces what it delivered",
    wrap: (mesh) => new KeepsLastToItself(mesh),
  },
  keepsNothingPrivate: {
    name: "doesn't store its private messages",
    wrap: (mesh) => new DoesNotWrite(mesh, "private-queued"),
  },
  forgetsPrivate: {
    name: "forgets its private messages at a restart",
    wrap: (mesh) => new DoesNotRead(mesh, "private-queued"),
  },
  repeatsPrivate: {
    name: "forgets at a restart which private messages it showed",
    wrap: (mesh) => new DoesNotRead(mesh, "private-received"),
  },
  firstOfTwoWins: {
    name: "believes the first of two",
    install: installBelief,
  },
  takesOldInvites: {
    name: "lets newcomers in with any invite that it knows",
    install: installOldInvites,
  },
  firstSecretWins: {
    name: "goes by the first of two secrets",
    install: installFirstSecret,
  },
  showsBeforeSync: {
    name: "shows an invite before it is synced",
    install: installHasty,
  },
  saysThatQuit: {
    name: "says of who is lost that it quit",
    wrap: (mesh) =>
      tells(mesh, (event) => event.event === "left" ? { ...event, reason: "quit" } : event),
  },
  tellsNotWhoLeft: {
    name: "doesn't say who left",
    wrap: letsNobodyLeave,
  },
  tellsNotWhoJoined: {
    name: "doesn't say who joined",
    wrap: (mesh) => tells(mesh, (event) => event.event === "joined" ? null : event),
  },
  takesSlots: {
    name: "takes slots that others need",
    install: installGreed,
  },
  tellsTooSoon: {
    name: "tells at once that no other member is linked",
    wrap: (mesh) => new TellsTooSoon(mesh),
  },
  missesGreetings: {
    name: "takes for history what is said to it while it comes in",
    install: installBaselineAlone,
  },
  takesAllForNew: {
    name: "takes for new all that was said before it came",
    install: installNoBaseline,
  },
  expectsOneKey: {
    name: "refuses members at addresses where it looks for others",
    install: replaced(Mesh.prototype, "mayAnswer", (wanted, key) => wanted === key),
  },
  refusesOwners: {
    name: "gives a name to whoever took it while its owner was away",
    install: replaced(RoomMachines.prototype, "precedes", () => false),
  },
  replays: {
    name: "tells of old beacons",
    wrap: (mesh) => new Replayer(mesh),
  },
  revives: {
    name: "is revived by an old beacon",
    wrap: (mesh) => new Replayer(mesh),
    install: installRevival,
  },
} as const satisfies Record<string, Mutation>;
