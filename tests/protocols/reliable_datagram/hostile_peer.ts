/** A peer that is who it says, and sends anything: packets that were never written by a program of ours. */

import { assert } from "@std/assert";
import type { Endpoint } from "../../../lib/base/ids.ts";
import { PAYLOAD_BYTES_MAX } from "../../../lib/protocols/sealed_datagram/formats.ts";
import { ACK_RANGES_MAX } from "../../../lib/protocols/reliable_datagram/limits.ts";
import { PacketWriter } from "../../../lib/protocols/reliable_datagram/packet.ts";
import { ReliableDatagrams } from "../../../lib/protocols/reliable_datagram/reliable_datagrams.ts";
import type { ReliableEffect } from "../../../lib/protocols/reliable_datagram/reliable_io.ts";
import { SealedDatagrams } from "../../../lib/protocols/sealed_datagram/sealed_datagrams.ts";
import type { SealedEffect } from "../../../lib/protocols/sealed_datagram/sealed_io.ts";
import type { Random } from "../../sim/random.ts";
import { environment, identityOf } from "../noise/channel_pair.ts";

const HONEST: Endpoint = { host: "10.0.0.1", port: 1 };
const HOSTILE: Endpoint = { host: "10.0.0.1", port: 2 };
/** An honest program's answers to one datagram: windows of what waits, and no more. */
const ANSWERS_MAX = 500;

/** A payload that looks like a packet, more or less. */
function payload(random: Random): Uint8Array {
  if (random.chance(0.1)) return random.bytes(1 + random.below(PAYLOAD_BYTES_MAX));
  const writer = new PacketWriter();
  const small = () => random.below(random.pick([2, 20, 300]));
  const any = () => random.chance(0.9) ? small() : random.below(2 ** 31) * 2 ** random.below(22);
  writer.begin({ from: random.chance(0.95) ? 1 : any(), to: random.below(3), number: any() });
  for (let frames = random.below(6); frames > 0 && writer.room > 400; frames--) {
    switch (random.below(5)) {
      case 0: {
        let low = small() + 500;
        const ranges = Array.from({ length: 1 + random.below(ACK_RANGES_MAX) }, () => {
          const high = Math.max(0, low - 2 - random.below(3));
          low = Math.max(0, high - random.below(3));
          return { low, high };
        });
        const [first] = ranges;
        writer.ack(any(), random.chance(0.5) ? [{ low: 0, high: first!.high % 30 }] : [first!]);
        break;
      }
      case 1:
        writer.ping();
        break;
      case 2:
        writer.chunk(random.pick(["control", "data"]), any(), random.bytes(random.below(300)));
        break;
      case 3:
        writer.credit(random.pick(["control", "data"]), any());
        break;
      default:
        writer.oneShot(random.bytes(random.below(100)));
    }
  }
  const bytes = new Uint8Array(writer.take());
  if (random.chance(0.2)) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
  return random.chance(0.1) ? bytes.subarray(0, 1 + random.below(bytes.length)) : bytes;
}

/** An honest program and a hostile peer that sends it `packets` packets. Fails where the honest one breaks a rule. */
export function meetHostilePeer(random: Random, packets: number): { readonly ended: number } {
  const [ann, mallory] = [identityOf("Ann"), identityOf("Mallory")];
  const env = environment(`hostile ${random.bits()}`);
  const access = { mode: "group", admit: () => true } as const;
  const honest = new ReliableDatagrams({ identity: ann, env, access });
  const hostile = new SealedDatagrams({ identity: mallory, env, access });
  let nowMs = 0;
  let ended = 0;
  const toHostile = (effects: readonly ReliableEffect[]): void => {
    assert(effects.length <= ANSWERS_MAX, `${effects.length} effects at once`);
    for (const effect of effects) {
      if (effect.type === "ended") ended += 1;
      if (effect.type !== "transmit") continue;
      const { bytes } = effect;
      toHonest(hostile.step({ type: "datagram", from: HONEST, bytes }, nowMs));
    }
  };
  const toHonest = (effects: readonly SealedEffect[]): void => {
    for (const effect of effects) {
      if (effect.type !== "transmit") continue;
      const { bytes } = effect;
      toHostile(honest.step({ type: "datagram", from: HOSTILE, bytes }, nowMs));
    }
  };
  for (let packet = 0; packet < packets; packet++) {
    if (hostile.endpointOf(ann.key) === null) {
      toHonest(hostile.step({ type: "connect", peer: ann.key, endpoint: HONEST }, nowMs));
    }
    const message = random.bytes(1 + random.below(2_000));
    if (random.chance(0.3)) {
      const peer = mallory.key;
      toHostile(honest.step({ type: "send", peer, lane: "data", message }, nowMs));
    }
    toHonest(hostile.step({ type: "send", peer: ann.key, payload: payload(random) }, nowMs));
    nowMs += random.exponential(5);
    toHonest(hostile.step({ type: "tick" }, nowMs));
    for (let ticks = 0; (honest.nextDeadlineMs() ?? Infinity) <= nowMs; ticks++) {
      assert(ticks < 50, "time goes on");
      toHostile(honest.step({ type: "tick" }, nowMs));
    }
  }
  return { ended };
}
