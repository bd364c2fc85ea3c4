/** The mesh itself as the simulator's subject, and the answers to its checkers' questions. */

import {
  ACTIVE_VIEW_MAX,
  BUNDLE_TEXTS_MAX,
  CLAIMS_MAX,
  INBOUND_LINKS_MAX,
  KEPT_MESSAGES_MAX,
  PASSIVE_VIEW_MAX,
  PRIVATE_WAITING_MAX,
  ROSTER_MAX,
} from "../../../lib/protocols/mesh/schema/limits.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import type { ChannelSecret } from "../../../lib/protocols/noise/channel_handshake.ts";
import { Mesh } from "../../../lib/protocols/mesh/mesh.ts";
import type { Room } from "../../../lib/protocols/mesh/room/room.ts";
import { type StreamKey, streamKey } from "../../../lib/protocols/mesh/schema/structures.ts";
import type { MeshProbe } from "./checker.ts";
import type { MeshMachine } from "./member.ts";
import type { Subject } from "./world.ts";

/** @param wrap Wraps every member's mesh into another machine; null for the unchanged mesh. */
export function meshSubject(wrap: ((mesh: Mesh) => MeshMachine) | null = null): Subject {
  const meshes = new WeakMap<MeshMachine, Mesh>();
  return {
    name: "mesh",
    membersMax: 200,
    features: {
      privateMessages: true,
      claims: true,
      names: true,
      copies: true,
      fullDisk: true,
      unknownAddress: true,
      liars: true,
      privateRooms: true,
      roams: true,
      deaf: true,
      removals: true,
    },
    create(config, signer, environment) {
      const mesh = new Mesh(config, signer, environment);
      const machine = wrap === null ? mesh : wrap(mesh);
      meshes.set(machine, mesh);
      return machine;
    },
    probe: (machine) => probeOf(meshes.get(machine)!),
  };
}

function probeOf(mesh: Mesh): MeshProbe {
  return {
    activeView: () => mesh.room?.neighbours ?? [],
    lists: (key) => mesh.room?.machines.roster.member(key)?.state === "alive",
    frontier: (stream) => mesh.room?.machines.order.frontier(stream).counter ?? 0,
    frontiers: () => mesh.room === null ? null : frontiersOf(mesh.room),
    excluded: () => mesh.room === null ? 0 : excludedOf(mesh.room),
    *held() {
      const { room } = mesh;
      if (room === null) return;
      // The oldest bundle is only dropped as a whole.
      const messagesMax = KEPT_MESSAGES_MAX + BUNDLE_TEXTS_MAX - 1;
      yield { what: "messages", size: room.machines.order.messages(), max: messagesMax };
      // Members that can't be dialled take inbound slots only.
      const neighboursMax = ACTIVE_VIEW_MAX + INBOUND_LINKS_MAX;
      yield {
        what: "neighbours",
        size: room.machines.overlay.activeView().length,
        max: neighboursMax,
      };
      const { roster } = room.machines;
      yield { what: "members", size: roster.liveCount, max: ROSTER_MAX };
      yield { what: "claims", size: roster.claims().toArray().length, max: CLAIMS_MAX };
      yield {
        what: "private messages that wait",
        size: room.machines.privateMessages.waiting().reduce(
          (sum, { messages }) => sum + messages,
          0,
        ),
        max: PRIVATE_WAITING_MAX,
      };
      yield {
        what: "passive members",
        size: room.machines.overlay.passiveView().length,
        max: PASSIVE_VIEW_MAX,
      };
    },
    mayAnswer: (wanted, key) => mesh.mayAnswer(wanted, key),
    secrets: () => mesh.secrets,
    isLeftOut: (key, secret) => mesh.room !== null && isLeftOut(mesh.room, key, secret),
    isRemoved: (key) => mesh.room?.config.rulings.isRemoved(key) === true,
    mayRemove: (key) => mesh.room?.config.rulings.mayRemove(key) === true,
    isInviteVoid: () => mesh.room?.config.secrets?.isOfOtherRemovals === true,
    admit: (peer, secret) => mesh.admit(peer, secret),
    snapshot: (shownThrough) => mesh.room?.snapshot(shownThrough) ?? null,
  };
}

function* frontiersOf({ machines: { order } }: Room): Iterable<readonly [StreamKey, number]> {
  for (const entry of order.streams()) yield [streamKey(entry), entry.counter];
}

function excludedOf({ machines: { order } }: Room): number {
  let excluded = 0;
  // What is told of a stream ends before what is excluded, what was delivered doesn't.
  for (const entry of order.streams()) excluded += order.frontier(entry).counter - entry.counter;
  return excluded;
}

function isLeftOut({ config }: Room, key: PeerKey, secret: ChannelSecret | null): boolean {
  const { secrets, rulings } = config;
  // No list leaves out the founder or a deputy, also one that was removed before.
  if (secrets === null || rulings.mayRemove(key)) return false;
  return secret === null ||
    secrets.rotations.some(({ epoch, stays, rotation }) =>
      stays !== null && epoch > secret.epoch && !stays.has(key) &&
      rulings.mayRemove(rotation.rotation.value.author)
    );
}
