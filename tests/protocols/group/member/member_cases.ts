/** What several tests of a member tell it, and look at. */

import { restoreMember } from "../../../../lib/protocols/group/log/member_log.ts";
import { groupIdOf } from "../../../../lib/protocols/group/schema/founding.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { FOUNDING, GroupNet, type Node } from "../group_net.ts";

export function messagesOf(node: Node) {
  return node.events.flatMap((event) => event.event === "message" ? [event] : []);
}

export function noticesOf(node: Node): string {
  return node.events.flatMap((event) => event.event === "notice" ? [event.text] : []).join("\n");
}

export function restoredOf({ disk, key }: Node) {
  const { standing, held } = restoreMember(disk.records, disk.history(), key, fakeCrypto);
  const { isOut, isLost, isRecovering, begunBallot, levelled } = standing;
  return { isOut, isLost, isRecovering, begunBallot, levelled, held: held!.synced };
}

export function standingOf({ machine }: Node) {
  const { standing, membership } = machine!;
  const { isOut, isLost, isRecovering, begunBallot, levelled } = standing;
  return { isOut, isLost, isRecovering, begunBallot, levelled, held: membership!.held.synced };
}

/** The coordinator knows it no longer. */
export function isToldOut(net: GroupNet, node: Node, founding = FOUNDING): void {
  const group = groupIdOf(fakeCrypto, founding);
  const welcome = { group, founding, isMember: false, told: 0, awaited: [], former: null };
  node.feed({ type: "message", link: node.link!, message: { type: "welcome", ...welcome } });
  net.settle();
}

/** Eve has been started, and the coordinator has no time for her. */
export function comesBesideTooMany() {
  const net = GroupNet.started(["ann"]);
  const eve = net.add("eve");
  net.coordinator.refusal = { code: "too-fast", text: "Too many are coming" };
  eve.start();
  return { net, eve };
}
