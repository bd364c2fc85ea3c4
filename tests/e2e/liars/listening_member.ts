/**
 * A member's program that others take for gone and that stays to listen. At the line `quit!` it says that it has quit, at
 * `hush!` it sends no further beacon; from then on it closes no link by itself, ignores what would tell it that it is
 * out, and asks for a place again and again. It shows an event `unlinked` once no member takes it for one any more.
 */

import { nodeCrypto } from "../../../lib/base/crypto/crypto.ts";
import { runProgram } from "../../../lib/cli/program.ts";
import { signBeacon } from "../../../lib/protocols/mesh/schema/credentials.ts";
import { Mesh } from "../../../lib/protocols/mesh/mesh.ts";
import type { MeshEffect, MeshInput } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import type { MeshMessage } from "../../../lib/protocols/mesh/schema/messages.ts";
import type { SignedBeacon } from "../../../lib/protocols/mesh/schema/structures.ts";

const LINES = ["quit!", "hush!"];
const DEAF_TO = ["disconnect", "renew", "removed", "refuse"];

const { step } = Mesh.prototype;
let last: SignedBeacon | null = null;
let wasLinked = true;

Mesh.prototype.step = function (this: Mesh, input: MeshInput, nowMs: number) {
  if (input.type === "command" && input.command.command === "say") {
    if (LINES.includes(input.command.text)) return goes(this, input.command.text);
  }
  if (last === null) return step.call(this, input, nowMs);
  if (input.type === "message" && DEAF_TO.includes(input.message.type)) return [];
  const effects = step.call(this, input, nowMs).flatMap(lying);
  if (input.type === "link-up") {
    effects.push(send(input.link, { type: "neighbor", priority: "high" }));
  }
  const isLinked = [...this.links.all()].some(({ state }) => state === "member");
  if (wasLinked && !isLinked) {
    const event = { event: "unlinked", text: "" } as never;
    effects.push({ type: "show", event, ref: undefined });
  }
  wasLinked = isLinked;
  return effects;
};

function goes(mesh: Mesh, line: string): readonly MeshEffect[] {
  last = mesh.room!.machines.roster.selfBeacon();
  if (line !== "quit!") return [];
  const { value } = last.beacon;
  const signed = signBeacon(nodeCrypto, mesh.signer, {
    ...value,
    number: value.number + 1,
    state: "quit",
  });
  const message = { type: "beacons", beacons: [{ signed, ageMs: 0 }] } as const;
  return [...mesh.links.all()].map(({ link }) => send(link, message));
}

function send(link: MeshLinkId, message: MeshMessage): MeshEffect {
  return { type: "send", link, message, lane: "control" };
}

type MeshLinkId = Extract<MeshEffect, { readonly type: "send" }>["link"];

function lying(effect: MeshEffect): readonly MeshEffect[] {
  if (effect.type === "close" || effect.type === "ban") return [];
  if (effect.type !== "send") return [effect];
  const { message } = effect;
  if (message.type === "hello") return [{ ...effect, message: { ...message, beacon: last! } }];
  if (message.type !== "beacons") return [effect];
  const beacons = message.beacons.filter(({ signed }) =>
    signed.beacon.value.key !== last!.beacon.value.key
  );
  return [{ ...effect, message: { ...message, beacons } }];
}

Deno.exit(await runProgram(Deno.args));
