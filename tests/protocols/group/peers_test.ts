import { assertEquals } from "@std/assert";
import { MemberOutput } from "../../../lib/protocols/group/member_output.ts";
import { Peers } from "../../../lib/protocols/group/peers.ts";
import { fakeSigner } from "../../sim/fake_crypto.ts";
import { GROUP } from "./group_net.ts";

Deno.test("Peers keeps what was said in an epoch until it begins here, though its begin comes twice", () => {
  const out = new MemberOutput();
  out.begin(0);
  const peers = new Peers(out);
  const { key } = fakeSigner("ann");
  const peer = peers.up(key)!;
  peers.introduce(new Map([[key, { host: "10.0.0.1", port: 9_000 }]]));
  const ballot = { number: 2, round: 0 };
  const ack = { type: "ack" as const, ballot, held: { position: 0, digest: GROUP } };

  peers.begun(peer, ballot);
  assertEquals(peers.isOfEpoch(peer, ack), false);
  peers.begun(peer, ballot);
  peers.enterEpoch(ballot);

  assertEquals(peers.takeWaiting(peer), [ack]);
  assertEquals(peers.isOfEpoch(peer, ack), true);
});
