import { assert } from "@std/assert";
import { Random } from "../../sim/random.ts";
import { meetHostilePeer } from "./hostile_peer.ts";
import { SLOW } from "../../given.ts";

Deno.test(
  "ReliableDatagrams: a peer that sends anything breaks nothing but its own connection",
  SLOW,
  () => {
    let ended = 0;
    for (let seed = 1; seed <= 4; seed++) ended += meetHostilePeer(new Random(seed), 200).ended;

    assert(ended > 4, `${ended} times it was left`);
  },
);
