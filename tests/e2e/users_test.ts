/** `p2pchat users`: what each command shows people and scripts, and what it leaves on disk. */

import { assertEquals, assertMatch } from "@std/assert";
import { PROGRAM } from "./node.ts";

interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A temporary folder with the table `users.txt`. */
class Folder implements AsyncDisposable {
  readonly path = Deno.makeTempDirSync({ prefix: "p2pchat-users-" });

  /** Runs `p2pchat users WORDS` in the folder. */
  async run(line: string): Promise<Outcome> {
    const { code, stdout, stderr } = await new Deno.Command(PROGRAM, {
      args: ["users", ...line.split(" ")],
      cwd: this.path,
      env: { P2PCHAT_HOME: `${this.path}/data` },
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    return { status: code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }

  /** Runs the command with `--json`. @returns Its status, and the objects without their times. */
  async json(line: string): Promise<{ readonly status: number; readonly events: unknown[] }> {
    const { status, stdout, stderr } = await this.run(`${line} --json`);
    assertEquals(stderr, "");
    const events = stdout.trimEnd().split("\n").map((text) => {
      const { at, ...event } = JSON.parse(text);
      assertMatch(at, /^\d{4}-.*Z$/);
      return event;
    });
    return { status, events };
  }

  write(text: string): Promise<void> {
    return Deno.writeTextFile(`${this.path}/users.txt`, text);
  }

  read(): Promise<string> {
    return Deno.readTextFile(`${this.path}/users.txt`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.path, { recursive: true });
  }
}

const BYE = { event: "bye", reason: "done" };

Deno.test("users key prints one's own row, the same each time, which users add takes", async () => {
  await using folder = new Folder();

  const first = await folder.run("key alice 10.0.0.1 6000");
  const second = await folder.run("key ALICE 10.0.0.1 6000");
  const usual = await folder.run("key alice");
  const added = await folder.run(`add users.txt ${first.stdout.trimEnd()}`);
  const json = await folder.json("key alice ::1 7000");

  assertMatch(first.stdout, /^alice 10\.0\.0\.1 6000 [a-z2-7]{27}\n$/);
  const made = "A key was made for alice, who had none here: it is in ";
  assertEquals([first.status, first.stderr.split("/")[0]], [0, made]);
  assertEquals([second.status, second.stderr], [0, ""]);
  const key = first.stdout.trimEnd().split(" ")[3]!;
  assertEquals(second.stdout, `ALICE 10.0.0.1 6000 ${key}\n`);
  assertMatch(usual.stdout, new RegExp(`^alice \\S+ 5001 ${key}\\n$`));
  assertEquals([added.status, added.stderr], [0, ""]);
  assertEquals(await folder.read(), `# name address port [fingerprint]\n${first.stdout}`);
  assertEquals(json, {
    status: 0,
    events: [{ event: "users", users: [{ name: "alice", host: "::1", port: 7000, key }] }, BYE],
  });
  const files = [...Deno.readDirSync(`${folder.path}/data/users/alice`)].map(({ name }) => name);
  assertEquals(files.sort(), ["identity", "profile.lock"]);
});

Deno.test("users add by many programs at once, by whichever name, loses no row", async () => {
  await using folder = new Folder();
  await folder.write("alice a 1\n");
  await Deno.symlink("users.txt", `${folder.path}/link.txt`);
  const friends = Array.from({ length: 4 }, (_, at) => `friend${at}`);

  const outcomes = await Promise.all(
    friends.map((name, at) =>
      folder.run(`add ${at % 2 ? "users" : "link"}.txt ${name} b ${at + 1}`)
    ),
  );
  const { events: [table] } = await folder.json("check users.txt");

  assertEquals(outcomes.map(({ status, stderr }) => [status, stderr]), friends.map(() => [0, ""]));
  const { users } = table as { readonly users: readonly { readonly name: string }[] };
  assertEquals(users.map(({ name }) => name).sort(), ["alice", ...friends].sort());
});

Deno.test("users key by many programs at once makes one key", async () => {
  await using folder = new Folder();

  const all = await Promise.all(Array.from({ length: 4 }, () => folder.run("key alice")));

  assertEquals(all.map(({ status }) => status), all.map(() => 0));
  assertEquals(all.filter(({ stderr }) => stderr !== "").length, 1, "one says that it made it");
  assertEquals(new Set(all.map(({ stdout }) => stdout)).size, 1, all[0]!.stdout);
});

Deno.test("users: what can't be done is a sentence on stderr, or the last object, with its status", async () => {
  await using folder = new Folder();
  await Deno.mkdir(`${folder.path}/data/users/eve`, { recursive: true });
  await Deno.writeTextFile(`${folder.path}/data/users/eve/identity`, "mine\n");
  const cases: readonly (readonly [line: string, status: number, code: string, text: RegExp])[] = [
    ["key bob :: 1", 2, "usage", /^HOST is wrong: .* nobody can dial it; write the one at which/],
    ["key eve", 5, "store-corrupt", /^Cannot read .*data\/users\/eve\/identity: line 1 .*; /],
  ];
  for (const [line, status, code, pattern] of cases) {
    const text = await folder.run(line);
    const json = await folder.json(line);
    const sentence = text.stderr.slice("error: ".length, -1);

    assertEquals([text.status, text.stdout], [status, ""], line);
    assertMatch(sentence, pattern);
    assertEquals(json, { status, events: [{ event: "fatal", code, text: sentence }] });
  }
});

Deno.test("users card prints one word, which users add takes, whole or not at all", async () => {
  await using folder = new Folder();
  const { stdout } = await folder.run("card alice 10.0.0.1 6000");
  const card = stdout.trimEnd();
  const key = (await folder.run("key alice 10.0.0.1 6000")).stdout.trimEnd().split(" ")[3]!;
  assertEquals(card.startsWith(`p2pchat-card:alice@10.0.0.1:6000#${key}.`), true, card);
  const { events } = await folder.json("card alice 10.0.0.1 6000");
  const user = { name: "alice", host: "10.0.0.1", port: 6_000, key };
  assertEquals(events, [{ event: "users", users: [{ ...user, card }] }, BYE]);

  assertMatch((await folder.run(`add users.txt ${card}`)).stdout, /^Added alice 10\.0\.0\.1 6000 /);
  const table = await folder.read();
  assertEquals(table, `# name address port [fingerprint]\nalice 10.0.0.1 6000 ${key}\n`);
  const torn = await folder.run(`add users.txt ${card.slice(0, -3)}`);
  const again = await folder.run(`add users.txt ${card}`);
  const more = await folder.run(`add users.txt ${card} 10.0.0.1`);
  await folder.write(`alice 10.0.0.1 6000 xsazfbd3ockoqe46yrkpuxern4x\n`);
  const other = await folder.run(`add users.txt ${card}`);

  assertEquals([torn, again, more, other].map(({ status }) => status), [2, 4, 2, 4]);
  assertMatch(torn.stderr, /^error: The contact card isn't whole, .*copy all of its line again/);
  assertMatch(again.stderr, /^error: Cannot add alice: users\.txt, line 2, has alice already, as/);
  assertMatch(other.stderr, /says that alice's key is xsaz.*, and the card says /);
});
