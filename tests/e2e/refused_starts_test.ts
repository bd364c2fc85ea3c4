/** What a first start leaves that comes to nothing: no profile, whatever the mode. Of rooms, see `mesh_rooms_test.ts`. */

import { assertEquals } from "@std/assert";
import { DirectoryWorld, is } from "./directory_world.ts";
import { Group } from "./group_world.ts";
import { Node } from "./node.ts";

/** The profiles in a data folder. */
function profilesIn(data: string): readonly string[] {
  return [...Deno.readDirSync(`${data}/users`)].filter((each) => each.isDirectory)
    .map(({ name }) => name);
}

/** How a program that gives up ends: exit status and code. */
async function refusal(node: Node): Promise<readonly [number, string]> {
  const { code } = await node.until(is("fatal"));
  return [(await node.ended()).code, code];
}

const spelling = (owner: string, name: string) => (event: { event: string; text?: string }) =>
  event.event === "notice" &&
  event.text === `This is ${owner}'s profile; here you are called ${name}`;

Deno.test("group: a first start that is refused leaves no profile; one that came in before, all of it", async () => {
  await using group = await Group.open();
  const nowhere = ["--server", "127.0.0.1:1", "--host", "127.0.0.1", "--no-wait"];
  const foo = group.nodes.add(Node.start(["peer", "Foo", ...nowhere], { data: group.data("Foo") }));
  assertEquals(await refusal(foo), [3, "unreachable"]);
  assertEquals(profilesIn(group.data("Foo")), []);

  const alice = await group.start("Alice");
  const twin = group.launch("ALICE");
  assertEquals(await refusal(twin), [4, "name-taken"]);
  assertEquals(profilesIn(group.data("ALICE")), []);
  await alice.type("/exit");
  await alice.ended();

  const back = group.nodes.add(
    Node.start(["peer", "alice", ...nowhere], { data: group.data("Alice") }),
  );
  await back.until(spelling("Alice", "alice"));
  assertEquals(await refusal(back), [3, "unreachable"]);
  assertEquals(profilesIn(group.data("Alice")), ["Alice"]);
});

Deno.test("directory: a first start that is refused leaves no profile; one that came in before, all of it", async () => {
  const opened = await DirectoryWorld.open(["alice"]);
  await using world = opened.world;
  const unreachable = { registry: "127.0.0.1:1", args: ["--no-wait"] };
  assertEquals(await refusal(world.launch("--guest", "foo", unreachable)), [3, "unreachable"]);
  assertEquals(profilesIn(world.data("foo")), []);
  // With --trust-first its key would stay.
  const registry = `${world.registry}#${opened.directory.events[0]!.key}`;
  for (const how of ["--login", "--guest"]) {
    const device = `wrong${how}`;
    const named = { device, registry, trustFirst: false };
    const [status] = await refusal(
      world.launch(how, "alice", { ...named, password: "wrong horse" }),
    );
    assertEquals(status, 4);
    assertEquals(profilesIn(world.data(device)), []);
  }
  const alice = await world.logIn("alice");
  await alice.type("/logout");
  await alice.ended();
  const wrong = world.launch("--login", "Alice", { device: "alice", password: "wrong horse" });
  await wrong.until(spelling("alice", "Alice"));
  assertEquals(await refusal(wrong), [4, "bad-credentials"]);
  assertEquals(profilesIn(world.data("alice")), ["alice"]);
});

Deno.test("friends: a first start whose port another program has leaves no profile behind", async () => {
  await using port = new HeldPort();
  const users = `${port.folder}/users.txt`;
  await Deno.writeTextFile(users, `foo 127.0.0.1 ${port.number}\n`);
  await using foo = Node.friend("foo", users, { data: port.folder });
  assertEquals(await refusal(foo), [3, "port-in-use"]);
  assertEquals(profilesIn(port.folder), []);
});

/** A port that is taken, and a folder. */
class HeldPort implements AsyncDisposable {
  readonly folder: string = Deno.makeTempDirSync({ prefix: "p2pchat-e2e-" });
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });

  get number(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("mesh: a data folder that would be in a file is refused", async () => {
  const file = await Deno.makeTempFile({ prefix: "p2pchat-file-" }); // where files to send are looked for
  await using node = Node.start(["mesh", "Foo", "--port", "0"], { data: `${file}/data` });
  assertEquals(await refusal(node), [5, "disk"]);
  await Deno.remove(file);
});
