/** Bugs in how datagrams find their way, and in what the coordinator relays. */

import { DatagramRelay } from "../../../lib/protocols/group/coordinator/datagram_relay.ts";
import { MemberDatagrams } from "../../../lib/protocols/group/member/member_datagrams.ts";
import { NewPaths } from "../../../lib/protocols/sealed_datagram/new_paths.ts";
import { replaced } from "../replaced.ts";
import type { Mutation } from "./mutations.ts";

const { pathOf } = DatagramRelay.prototype;
const { step } = MemberDatagrams.prototype;

export const ROUTER_MUTATIONS = {
  keepsTheRelay: {
    name: "goes on through the relay although something passes directly",
    install: replaced(NewPaths.prototype, "heard", () => {}),
  },
  tellsNobodyWhere: {
    name: "has a coordinator that tells nobody how a member looks from outside",
    install: replaced(DatagramRelay.prototype, "pathOf", function (this: DatagramRelay, one, told) {
      const path = pathOf.call(this, one, told);
      return path === null ? null : { ...path, seen: null };
    }),
  },
  relaysNothing: {
    name: "has a coordinator that relays nothing",
    install: replaced(DatagramRelay.prototype, "pathOf", () => null),
  },
  forgetsTheRelay: {
    name: "knows a relay only while it meets a peer",
    install: replaced(
      MemberDatagrams.prototype,
      "step",
      function (this: MemberDatagrams, input, nowMs) {
        return step.call(this, input.type === "meet" ? { ...input, relay: null } : input, nowMs);
      },
    ),
  },
} as const satisfies Record<string, Mutation>;
