import { assertEquals } from "@std/assert";
import { MemberOutput } from "../../../../lib/protocols/group/schema/member_output.ts";
import { Peers } from "../../../../lib/protocols/group/detector/peers.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { GROUP } from "../group_net.ts";

const at = (host: string, port: number) => ({ endpoint: { host, port }, seen: null, relay: null });

Deno.test("Peers keeps what was said in an epoch until it begins here, though its begin comes twice", () => {
  const out = new MemberOutput(() => true);
  out.begin(0);
  const peers = new Peers(out);
  const { key } = fakeSigner("ann");
  const peer = peers.up(key)!;
  peers.introduce(new Map([[key, at("10.0.0.1", 9_000)]]));
  const ballot = { number: 2, round: 0 };
  const ack = { type: "ack" as const, ballot, held: { position: 0, digest: GROUP } };

  peers.begun(peer, ballot);
  assertEquals(peers.isOfEpoch(peer, ack), false);
  peers.begun(peer, ballot);
  peers.enterEpoch(ballot);

  assertEquals(peers.takeWaiting(peer), [ack]);
  assertEquals(peers.isOfEpoch(peer, ack), true);
});

Deno.test("Who takes a member's place in its datagrams says nothing in that epoch, and counts as not heard", () => {
  const out = new MemberOutput(() => true);
  out.begin(0);
  const peers = new Peers(out);
  const { key } = fakeSigner("ann");
  peers.introduce(new Map([[key, at("10.0.0.1", 9_000)]]));
  const ballot = { number: 2, round: 0 };
  const ack = { type: "ack" as const, ballot, held: { position: 0, digest: GROUP } };
  peers.enterEpoch(ballot);
  peers.begun(peers.up(key)!, ballot);
  assertEquals(peers.heard(), [key]);

  // Another process with that key has made a session with us, and says that it has begun the same epoch.
  const copy = peers.reset(key)!;
  peers.begun(copy, ballot);

  assertEquals([peers.isOfEpoch(copy, ack), peers.heard()], [false, []]);
  peers.enterEpoch({ number: 3, round: 0 });
  assertEquals(peers.heard(), [key]);
});

Deno.test("Peers meets who was never heard less and less often, and who was heard as soon as ever", () => {
  const out = new MemberOutput(() => true);
  out.begin(0);
  const peers = new Peers(out);
  const { key } = fakeSigner("eve");
  peers.introduce(new Map([[key, at("10.0.0.1", 9_000)]]));
  const pauseS = () => {
    peers.ended(key);
    const pauseMs = peers.nextMs()! - out.nowMs;
    out.begin(peers.nextMs()!);
    peers.tick(out.nowMs);
    return pauseMs / 1_000;
  };

  assertEquals(Array.from({ length: 8 }, pauseS), [2, 2, 2, 4, 8, 16, 30, 30]);
  peers.up(key);
  assertEquals(Array.from({ length: 8 }, pauseS), Array(8).fill(2));
});
