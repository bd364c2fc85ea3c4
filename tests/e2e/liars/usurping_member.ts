/**
 * A member's program that takes a right which nobody gave it: at the line `usurp!` it removes everybody else, and says so
 * to all, and to each whom it removes.
 */

import { nodeCrypto } from "../../../lib/base/crypto/crypto.ts";
import { runProgram } from "../../../lib/cli/program.ts";
import { Mesh } from "../../../lib/protocols/mesh/mesh.ts";
import type { MeshEffect, MeshInput } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import { signRuling } from "../../../lib/protocols/mesh/authority/kept_rulings.ts";

const { step } = Mesh.prototype;

Mesh.prototype.step = function (this: Mesh, input: MeshInput, nowMs: number) {
  const isCommand = input.type === "command" && input.command.command === "say";
  return isCommand && input.command.text === "usurp!" ? usurp(this) : step.call(this, input, nowMs);
};

function usurp(mesh: Mesh): readonly MeshEffect[] {
  const { room, genesis } = mesh.room!.config;
  const others = mesh.room!.machines.facts().live().map(({ key }) => key);
  const place = { room, kind: "remove", counter: 9 } as const;
  const removals = others.map((subject) =>
    signRuling(nodeCrypto, mesh.signer, { ...place, subject })
  );
  const office = signRuling(nodeCrypto, mesh.signer, {
    ...place,
    kind: "deputy",
    subject: mesh.signer.key,
  });
  return [...mesh.links.all()].flatMap(({ link, peer }): MeshEffect[] => {
    const about = removals.filter(({ ruling: { value } }) => value.subject === peer);
    const message = { type: "rulings", rulings: removals } as const;
    const proof = { type: "removed", genesis, rulings: [office, ...about] } as const;
    return [
      { type: "send", link, message, lane: "control" },
      { type: "send", link, message: proof, lane: "control" },
    ];
  });
}

Deno.exit(await runProgram(Deno.args));
