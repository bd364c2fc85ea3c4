/** Private groups of real processes on loopback: who joins, who comes back, and who is kept out. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Group, isIn, isView, shows } from "./group_world.ts";
import { holds, type Node, type NodeOptions, type ShownEvent } from "./node.ts";
import { TextProgram } from "./text_program.ts";

const inviteOf = async (server: Node, rotate = false): Promise<string> =>
  (await server.ask("invite", { rotate })).invite;

/** How a program ends that isn't let in. */
async function refusal(node: Node) {
  const { code, last } = await node.ended();
  return { code, as: last?.code, text: String(last?.text) };
}

async function invited(group: Group, name: string, invite: string, options: NodeOptions = {}) {
  const node = group.launch(name, { env: { P2PCHAT_INVITE: invite }, ...options });
  await node.until(isIn(name));
  return node;
}

function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true, mode: 0o700 });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copyFolder(`${from}/${name}`, `${to}/${name}`);
    else Deno.copyFileSync(`${from}/${name}`, `${to}/${name}`);
  }
}

async function leaves(node: Node): Promise<void> {
  await node.type("/exit");
  assertEquals((await node.ended()).code, 0);
}

Deno.test("group: an invite opens a private group, and a member that was in needs none to come back", async () => {
  await using group = new Group();
  const server = await group.serve("--private");
  const ready = server.events.find(({ event }) => event === "ready");
  assertEquals(ready?.private, true);
  const shown = await server.ask("invite");
  assertEquals(shown.line, `p2pchat peer NAME --server ${group.server} --invite`);

  const ann = await invited(group, "Ann", shown.invite);
  const without = await refusal(group.launch("Bob"));
  assertEquals([without.code, without.as], [4, "bad-credentials"]);
  assertStringIncludes(without.text, "the group there is private; ask its operator for the invite");
  const middle = shown.invite.length >> 1;
  const mistyped = shown.invite.slice(0, middle) + shown.invite.slice(middle + 1);
  const wrong = await refusal(group.launch("Bob", { args: ["--invite", mistyped] }));
  assertEquals([wrong.code, wrong.as], [4, "bad-credentials"]);
  assert(wrong.text.startsWith("Cannot read the invite"), wrong.text);
  const bob = group.launch("Bob", { args: ["--invite"] });
  await bob.type(shown.invite);
  await bob.until(isView("Ann", "Bob"));
  await bob.type("from the pipe");
  await ann.until(shows("from the pipe"));

  await leaves(bob);
  const back = await group.start("Bob");
  await back.until(isView("Ann", "Bob"));
  const place = group.logPath("Bob").replace(/log$/, "place");
  assertEquals(Deno.statSync(place).mode! & 0o777, 0o600);

  // Nothing of the secret is in what everybody is told.
  const secrets = [shown.invite];
  for (const text of [group.logText("Ann"), JSON.stringify([...ann.events, ...back.events])]) {
    for (const secret of secrets) assert(!text.includes(secret));
  }
});

Deno.test("group: whoever was refused wasn't there, so the next start doesn't say since when", async () => {
  await using group = new Group();
  await using other = new Group();
  await other.serve();
  const data = group.data("Bob");
  const elsewhere = other.launch("Bob", { data });
  await elsewhere.until(isIn("Bob"));
  await leaves(elsewhere);

  const server = await group.serve("--private");
  const { invite } = await server.ask("invite");
  await refusal(group.launch("Bob"));
  const args = ["--invite", invite, "--history", "5"];
  const bob = group.launch("Bob", { args });
  await bob.until(isIn("Bob"));
  await leaves(bob);
  const again = group.launch("Bob", { args });
  await again.until(isIn("Bob"));
  const counts = [bob, again].map((node) =>
    node.events.filter(({ event }) => event === "returned").length
  );
  assertEquals(counts, [0, 1]);
});

Deno.test("group: whoever was removed from a private group comes back by nothing that it has", async () => {
  await using group = new Group();
  const server = await group.serve("--private");
  const old = await inviteOf(server);
  const ann = await invited(group, "Ann", old);
  const bob = await invited(group, "Bob", old);
  const mal = await invited(group, "Mal", old);
  await ann.until(isView("Ann", "Bob", "Mal"));
  // Bob is away when it happens; Mal keeps a copy of all its files.
  await leaves(bob);
  const backup = `${group.folder}/backup`;
  await leaves(mal);
  copyFolder(group.data("Mal"), backup);
  const again = await group.start("Mal");
  await ann.until(isView("Ann", "Mal"));

  const { text } = await server.ask("remove", { name: "Mal" });
  assertStringIncludes(text, "the group has another invite now");
  assertEquals((await refusal(again)).as, "kicked");
  const fresh = await inviteOf(server);
  assert(fresh !== old);

  // With its own key: told so. With another key: by neither the old invite, nor the secret in its files.
  const before = await refusal(group.launch("Mal", { data: backup }));
  assertEquals([before.code, before.as], [4, "kicked"]);
  const stranger = await refusal(group.launch("Mallory", { env: { P2PCHAT_INVITE: old } }));
  assertEquals([stranger.code, stranger.as], [4, "bad-credentials"]);
  assertStringIncludes(stranger.text, "this invite has been revoked");
  Deno.removeSync(`${backup}/users/Mal/identity`);
  const otherKey = await refusal(group.launch("Mal", { data: backup }));
  assertEquals([otherKey.code, otherKey.as], [4, "bad-credentials"]);

  // Who was away comes back by its key, without any invite, and knows the present secret then.
  const back = await group.start("Bob");
  await back.until(isView("Ann", "Bob"));
  for (const name of ["Ann", "Bob"]) {
    const place = group.logPath(name).replace(/log$/, "place");
    await holds(
      `${name} has stored the present secret`,
      () => /\tsecret\t2\t/.test(Deno.readTextFileSync(place)),
    );
  }

  // Another rotation, after a restart of the coordinator, which remembers all of that.
  await leaves(server);
  const restarted = await group.serve("--private");
  assertEquals(await inviteOf(restarted), fresh);
  await inviteOf(restarted, true);
  const late = await refusal(group.launch("Dan", { env: { P2PCHAT_INVITE: fresh } }));
  assertEquals(late.as, "bad-credentials");
  await restarted.ask("allow", { name: "Mal" });
  const allowed = await group.start("Mal");
  await allowed.until(isIn("Mal"));
});

Deno.test("group: whether it is private is said at the start, and stays as it was founded", async () => {
  await using group = new Group();
  const open = await group.serve();
  const says = (start: string) => (event: ShownEvent) =>
    event.event === "notice" && event.text.startsWith(start);
  await open.until(says("Open group (whoever reaches the coordinator)"));
  const before = await group.start("Ann");
  await before.type("before");
  await before.until(shows("before"));
  await leaves(before);
  const shown = await open.ask("invite");
  assertEquals(shown.line, `p2pchat peer NAME --server ${group.server}`);
  const rotated = await open.ask("invite", { rotate: true });
  assertEquals([rotated.event, rotated.code], ["error", "not-allowed"]);
  await leaves(open);
  const words = ["serve", "--host", "127.0.0.1", "--port", "0"];
  await using other = TextProgram.start([...words, "--private"], { data: group.serverData });
  assertEquals(await other.ended(), 4);
  assertStringIncludes(
    other.stderr,
    "This group is open: start it without --private, or found another one with --new",
  );

  // With --new, another group takes its place, which members of the former one join anew, with the invite.
  const server = await group.serve("--private", "--new");
  await server.until(says("Private group (by invite)"));
  assertEquals(server.events.find(({ event }) => event === "ready")?.private, true);
  const files = [...Deno.readDirSync(`${group.serverData}/serve`)].map(({ name }) => name);
  // What was set aside is whole, and isn't called anything else.
  const aside = files.flatMap((name) => /^(state|log)\.aside-\d+T\d+Z$/.exec(name)?.[1] ?? []);
  assertEquals(aside.toSorted(), ["log", "state"], files.join());
  const uninvited = await refusal(group.launch("Ann"));
  assertEquals(uninvited.as, "bad-credentials");
  const ann = await invited(group, "Ann", await inviteOf(server));
  await ann.type("a new beginning");
  await ann.until(shows("a new beginning"));
  await leaves(server);
  const restarted = await group.serve("--private");
  assertEquals(restarted.events.find(({ event }) => event === "ready")?.members, ["Ann"]);

  // One of the same kind takes its place, too: an invite of the former one leads nowhere.
  const former = await inviteOf(restarted);
  await leaves(ann);
  await leaves(restarted);
  const another = await group.serve("--private", "--new");
  await another.until(({ event, text }) =>
    event === "notice" && /^The former group's file .*state is .*state\.aside-/.test(text)
  );
  assertEquals(another.events.find(({ event }) => event === "ready")?.members, []);
  const late = await refusal(group.launch("Late", { env: { P2PCHAT_INVITE: former } }));
  assertEquals(late.as, "bad-credentials");
  await invited(group, "Ann", await inviteOf(another));

  const data = `${group.folder}/private`;
  await using secret = TextProgram.start([...words, "--private"], { data });
  await secret.until(
    /Private group \(by invite\): \/invite shows it\./,
  );
  await secret.type("/invite");
  await secret.until(/peer NAME --server 127\.0\.0\.1:\d+ --invite\n.*invite:\n[a-z2-7]{60,}\n/);
  await secret.type("/exit");
  assertEquals(await secret.ended(), 0);
  await using back = TextProgram.start(words, { data });
  assertEquals(await back.ended(), 4);
  assertStringIncludes(
    back.stderr,
    "This group is private: start it with --private, or found another one with --new",
  );
});
