/**
 * An impostor with its own key that dials in, claims to be a friend, and sends messages whether it is admitted or
 * not.
 */

import type { PeerKey } from "../../../lib/base/ids.ts";
import type { FriendsMessage } from "../../../lib/protocols/friends/messages.ts";
import type { LinkEnd } from "../link.ts";
import type { Station } from "../network.ts";
import type { Person, World } from "./world.ts";

/** A text that nobody typed. */
const FORGED = "forged";

export class Impostor implements Station<FriendsMessage> {
  readonly process = "impostor";
  readonly gone = false;
  readonly silent = false;
  readonly stalledUntilMs = 0;
  readonly readIntervalMs = 0;
  readableAtMs = 0;

  /**
   * @param host The impostor's host in the network.
   * @param person Its real key.
   * @param victim The person that it dials.
   * @param claimed The friend that it claims to be.
   */
  constructor(
    readonly world: World,
    readonly host: number,
    readonly person: { readonly key: PeerKey },
    readonly victim: Person,
    readonly claimed: Person,
  ) {}

  get seenHost(): string {
    return `10.0.0.${this.host}`;
  }

  dial(): void {
    const { endpoint } = this.victim;
    const call = { from: this, attempt: 1, endpoint, expect: null, room: null, failed() {} };
    this.world.network.dial(call);
  }

  refusal(): string {
    return "unreachable";
  }

  linkUp(end: LinkEnd<FriendsMessage>): void {
    const { random } = this.world;
    const position = { epoch: 1 + random.below(1_000), number: 1 + random.below(9) };
    const hello: FriendsMessage = {
      type: "hello",
      name: this.claimed.name,
      to: this.victim.name,
      stored: [position],
    };
    const texts: FriendsMessage = {
      type: "texts",
      epoch: position.epoch,
      entries: [{ number: position.number, id: random.bytes(16), sentAt: 0, text: FORGED }],
    };
    end.send(hello, "control", 50);
    // Half of the attacks include the forged message.
    if (random.chance(0.5)) end.send(texts, "data", 50);
    end.send({ type: "stored", position }, "control", 50);
    end.send({ type: "skip", position }, "data", 50);
  }
  linkDown(): void {}
  message(): void {}
  congested(): void {}
  drained(): void {}
}
