/**
 * Datagrams at the coordinator: each member's address as seen from outside, and the relay between two that can't send
 * each other datagrams. What it relays is sealed between the two: it sees who sends to whom, how much and when.
 *
 * The picture: STUN and TURN in one (RFC 8489, RFC 8656), over keys that come on the member's link. Departures: nobody
 * asks for a place, as the members of a group are known; nothing waits here, as what exceeds a bound is lost like any
 * datagram.
 */

import type { Bytes } from "../../../base/crypto/crypto.ts";
import { type Endpoint, isSameEndpoint, type LinkId, type PeerKey } from "../../../base/ids.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import { isLoopback } from "../../../base/text/endpoints.ts";
import {
  formsOf,
  KeyedPath,
  ProvenAddress,
  transportOf,
} from "../../sealed_datagram/keyed_path.ts";
import { type Attendance, type Attendee, isListed } from "../detector/attendance.ts";
import type { Views } from "../detector/views.ts";
import type { CoordinatorOutput } from "../schema/coordinator_output.ts";
import { GROUP_DATAGRAMS, type GroupDatagram } from "../schema/datagram_messages.ts";
import type { Member } from "../schema/epoch.ts";
import {
  OWN_DATAGRAMS_BURST,
  OWN_DATAGRAMS_PER_S,
  RELAY_BURST_BYTES,
  RELAY_BYTES_PER_S,
  RELAY_NUMBER_MAX,
  RELAY_PAIR_BURST_BYTES,
  RELAY_PAIR_BYTES_PER_S,
  RELAY_STRANGER_BURST_BYTES,
  RELAY_STRANGER_BYTES_PER_S,
  RELAY_STRANGERS_BYTES_PER_S,
} from "../schema/limits.ts";
import type { GroupMessageOf, MemberPath } from "../schema/messages.ts";

const FORMS = formsOf<GroupDatagram>(GROUP_DATAGRAMS);
const KEY_BYTES = 32;

interface DatagramRelayParts {
  readonly views: Views;
  readonly attendance: Attendance;
  readonly out: CoordinatorOutput;
  readonly randomBytes: (length: number) => Bytes;
  /** Whether the coordinator takes datagrams. */
  readonly isOpen: boolean;
}

/** The datagrams of the process at the other end of one link. */
class LinkPath {
  /** What it may send besides what is relayed. */
  readonly own = new TokenBucket(OWN_DATAGRAMS_PER_S, OWN_DATAGRAMS_BURST);
  /** What it may have relayed, by the receiver's number; at most one for each that ever was here beside it. */
  readonly #relayed = new Map<
    number,
    { readonly isListed: boolean; readonly bucket: TokenBucket }
  >();

  constructor(
    readonly link: LinkId,
    readonly number: number,
    readonly address: ProvenAddress<KeyedPath<GroupDatagram>>,
  ) {}

  /** @param areListed Whether both are members, or shown as joining. */
  bucketTo(number: number, areListed: boolean): TokenBucket {
    const known = this.#relayed.get(number);
    if (known?.isListed === areListed) return known.bucket;
    const bucket = areListed
      ? new TokenBucket(RELAY_PAIR_BYTES_PER_S, RELAY_PAIR_BURST_BYTES)
      : new TokenBucket(RELAY_STRANGER_BYTES_PER_S, RELAY_STRANGER_BURST_BYTES);
    this.#relayed.set(number, { isListed: areListed, bucket });
    return bucket;
  }

  forget(number: number): void {
    this.#relayed.delete(number);
  }
}

export class DatagramRelay {
  readonly #byLink = new Map<LinkId, LinkPath>();
  readonly #byIndex = new Map<number, LinkPath>();
  readonly #byNumber = new Map<number, LinkPath>();
  readonly #all = new TokenBucket(RELAY_BYTES_PER_S, RELAY_BURST_BYTES);
  /** What is relayed from or to those who aren't listed. */
  readonly #strangers = new TokenBucket(RELAY_STRANGERS_BYTES_PER_S, RELAY_STRANGERS_BYTES_PER_S);
  #number = 0;

  /** @param numberMax The highest number of a path: many more than are there at once. */
  constructor(readonly parts: DatagramRelayParts, readonly numberMax: number = RELAY_NUMBER_MAX) {}

  /** The keys for this link's datagrams; null where it has some, or the coordinator takes none. */
  keysFor(link: LinkId): GroupMessageOf<"datagram-keys"> | null {
    const { isOpen, randomBytes } = this.parts;
    if (!isOpen || this.#byLink.has(link)) return null;
    const toMember = randomBytes(KEY_BYTES);
    const toCoordinator = randomBytes(KEY_BYTES);
    const index = this.#newIndex();
    const keyed = new KeyedPath<GroupDatagram>(
      FORMS,
      index,
      toMember.slice(),
      toCoordinator.slice(),
    );
    const path = new LinkPath(link, this.#newNumber(), new ProvenAddress(keyed, randomBytes));
    this.#byLink.set(link, path);
    this.#byIndex.set(index, path);
    this.#byNumber.set(path.number, path);
    return { type: "datagram-keys", index, toMember, toCoordinator };
  }

  /** The one after the last that was given, and that nobody has who is here. */
  #newNumber(): number {
    do this.#number = this.#number % this.numberMax + 1; while (this.#byNumber.has(this.#number));
    return this.#number;
  }

  #newIndex(): number {
    for (;;) {
      const bytes = this.parts.randomBytes(4);
      const index = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
      if (!this.#byIndex.has(index)) return index;
    }
  }

  linkDown(link: LinkId): void {
    const path = this.#byLink.get(link);
    if (path === undefined) return;
    this.#byLink.delete(link);
    this.#byIndex.delete(path.address.path.index);
    this.#byNumber.delete(path.number);
    for (const other of this.#byLink.values()) other.forget(path.number);
  }

  /**
   * How the attendee's datagrams come here; null where none do.
   * @param told Where others are told that it is.
   */
  pathOf({ key, link }: Attendee, told: Member): MemberPath | null {
    const path = link === null ? undefined : this.#byLink.get(link);
    const endpoint = path?.address.endpoint ?? null;
    if (path === undefined || endpoint === null) return null;
    // From another machine, a loopback address would mean that machine itself.
    const isToldSo = isLoopback(endpoint.host) ||
      (told.host !== null && isSameEndpoint({ host: told.host, port: told.port }, endpoint));
    return { key, number: path.number, seen: isToldSo ? null : endpoint };
  }

  /**
   * A datagram came to our port. One that isn't of a member's is dropped silently, whatever it is.
   * @returns Whether a member has proved that it is at another address than before.
   */
  datagram(from: Endpoint, bytes: Uint8Array): boolean {
    const transport = transportOf(bytes);
    const path = transport === null ? undefined : this.#byIndex.get(transport.index);
    if (transport === null || path === undefined) return false;
    const { address } = path;
    const opened = address.path.open(transport);
    if (opened === null || this.#attendeeOf(path) === null) return false;
    const { message } = opened;
    if (message?.type !== "relay" && !path.own.take(this.parts.out.nowMs)) return false;
    const before = address.endpoint;
    const answer = address.heard(from, bytes.length, opened);
    if (answer !== null) this.parts.out.datagram(from, answer);
    if (message?.type === "relay") this.#relay(path, message);
    return address.endpoint !== before;
  }

  /** Who said hello on that link, and hasn't been sent away since. */
  #attendeeOf({ link }: LinkPath): PeerKey | null {
    return this.parts.attendance.on(link)?.key ?? null;
  }

  #relay(from: LinkPath, { member, datagram }: GroupDatagram & { readonly type: "relay" }): void {
    const { out } = this.parts;
    const to = this.#byNumber.get(member);
    const endpoint = to?.address.endpoint ?? null;
    if (to === undefined || to === from || endpoint === null) return;
    if (this.#attendeeOf(to) === null) return;
    const { length } = datagram;
    const areListed = this.#isListed(from) && this.#isListed(to);
    const bucket = from.bucketTo(to.number, areListed);
    if (!bucket.take(out.nowMs, length)) return;
    if (!areListed && !this.#strangers.take(out.nowMs, length)) return;
    if (!this.#all.take(out.nowMs, length)) return;
    const sealed = to.address.path.seal({ type: "relayed", member: from.number, datagram });
    out.datagram(endpoint, sealed);
  }

  #isListed({ link }: LinkPath): boolean {
    const attendee = this.parts.attendance.on(link);
    return attendee !== null && isListed(this.parts.views, attendee);
  }
}
