/** A program whose key anybody can sign for is let in nowhere: no word, vote or claim of such a key is anybody's. */

import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { Group } from "./group_world.ts";
import { Node, type NodeOptions, Nodes, type ShownEvent } from "./node.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

const ROOT = new URL("../../", import.meta.url);

/** The program with the cryptography of `liars/small_order_crypto.ts` in the place of its own. */
function weakProgram(folder: string): NodeOptions {
  const [own, theirs] = ["lib/base/crypto/crypto.ts", "tests/e2e/liars/small_order_crypto.ts"].map((
    path,
  ) => new URL(path, ROOT).href) as [string, string];
  const config = JSON.parse(Deno.readTextFileSync(new URL("deno.json", ROOT)));
  const shared = Object.entries<string>(config.imports).map((
    [name, target],
  ) => [name, target.startsWith("./") ? new URL(target, ROOT).href : target]);
  const map = {
    imports: { ...Object.fromEntries(shared), [own]: theirs },
    scopes: { [theirs]: { [own]: own } },
  };
  const file = `${folder}/import_map.json`;
  Deno.writeTextFileSync(file, JSON.stringify(map));
  return {
    module: fileURLToPath(new URL("main.ts", ROOT)),
    rights: ["-A", `--import-map=${file}`],
  };
}

/** Whoever's name or key is told in an event. */
const isOf = (name: string) => (event: ShownEvent) =>
  event.name === name || event.from === name || event.members?.includes?.(name);

Deno.test("a key of small order is let into no room and no group", async () => {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-e2e-" });
  const folder = temporary.path;
  const weak = weakProgram(folder);
  await using nodes = new Nodes();
  const alice = await nodes.ready("Alice", null);
  const mallory = nodes.add(Node.mesh("Mallory", alice, weak));
  const { code, last } = await mallory.ended();
  assertEquals([code, last?.event, last?.code], [3, "fatal", "protocol"]);
  assertEquals(alice.events.filter(isOf("Mallory")), []);

  await using group = new Group();
  const server = await group.serve();
  const [bob] = await group.startAll("Bob");
  const eve = group.launch("Eve", { ...weak, args: ["--no-wait"] });
  assertEquals((await eve.ended()).code, 3);
  for (const node of [server, bob!]) assertEquals(node.events.filter(isOf("Eve")), []);
  assert(eve.events.every(({ event }) => event !== "view"));
});
