/** `p2pchat accounts`: what each command shows operators and scripts, and what it leaves on disk. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { PasswordHasher } from "../../lib/runtime/password_hasher.ts";
import { nodeScrypt } from "../../lib/cli/credentials/scrypt.ts";
import { accountRow } from "../../lib/store/accounts/accounts_csv.ts";
import { accountOf } from "../contracts/accounts_contract.ts";
import { AccountsFolder, outcomeOf } from "./accounts_folder.ts";
import { canMount, fill, mount, unmount } from "./small_disk.ts";
import { slow } from "../given.ts";

const BYE = { event: "bye", reason: "done" };
const PASSWORD = "correct horse";

/** Whether `password` is that of the account in the table. */
async function isPassword(
  folder: AccountsFolder,
  name: string,
  password: string,
): Promise<boolean> {
  const hasher = new PasswordHasher({
    scrypt: nodeScrypt,
    randomBytes: (length) => new Uint8Array(length),
    atOnceMax: 1,
  });
  const row = (await Deno.readTextFile(folder.file)).split("\n").find((line) =>
    line.startsWith(`${name},`)
  );
  return await hasher.verify(password, /"([^"]*)"/.exec(row!)![1]!, "test");
}

slow.test("accounts add, list, passwd and remove, each durable, the file its owner's alone", async () => {
  await using folder = new AccountsFolder();
  assertEquals(await folder.run("list"), {
    status: 0,
    stdout: `# name  created  devices\n# 0 accounts; there is no ${folder.file} yet\n`,
    stderr: "",
  });
  assertEquals([...Deno.readDirSync(folder.path)], [], "looking makes nothing");

  const added = await folder.run("add Zoe\u0308", PASSWORD);
  assertEquals(added, { status: 0, stdout: "Added Zoë.\n", stderr: "" });
  const json = await folder.json("add bob", "another password");
  const listed = await folder.run("list");

  const [bob, bye] = json.events;
  assertEquals(json.status, 0);
  assertEquals(bye, BYE);
  assertEquals([bob.event, bob.file], ["accounts", folder.file]);
  const [{ created, ...rest }] = bob.accounts;
  assertEquals(rest, { name: "bob", keys: [], canLogIn: true });
  assertMatch(created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const day = created.slice(0, 10);
  assertEquals(
    listed.stdout,
    `# name  created     devices\nZoë     ${day}  -\nbob     ${day}  -\n# 2 accounts\n`,
  );
  for (const [path, mode] of [[folder.file, 0o600], [`${folder.data}/regserver`, 0o700]] as const) {
    assertEquals((await Deno.stat(path)).mode! & 0o777, mode);
  }

  // Another one is in the environment; that file is warned about, and used.
  await folder.write("new", "a new password\r\n");
  await Deno.chmod(`${folder.path}/new`, 0o640);
  const changed = await folder.run("passwd BOB --password-file new", "not this one");
  assertEquals(changed, {
    status: 0,
    stdout: "Changed the password of bob; its devices need it to come in again.\n",
    stderr: "Others can read new, which has a password in it; chmod 600 keeps it yours\n",
  });
  assert(await isPassword(folder, "bob", "a new password"));
  const table = await Deno.readTextFile(folder.file);
  const exported = await folder.run("export moved.csv");
  assertEquals(exported, { status: 0, stdout: "Wrote 2 accounts to moved.csv.\n", stderr: "" });
  assertEquals(await Deno.readTextFile(`${folder.path}/moved.csv`), table);
  assertEquals(await folder.run("remove ZOË bob zoë"), {
    status: 0,
    stdout: "Removed Zoë, bob.\n",
    stderr: "",
  });
  assertEquals(await folder.names(), []);
  assertEquals(await Deno.readTextFile(folder.file), "name,hash,created,keys,check\n");
  const imported = await folder.run("import moved.csv");
  assertEquals(imported, { status: 0, stdout: "Added the 2 accounts of moved.csv.\n", stderr: "" });
  assertEquals(await Deno.readTextFile(folder.file), table);
});

Deno.test("accounts: what is refused is a sentence on stderr, or the last object, without the password", async () => {
  await using folder = new AccountsFolder();
  const text = await folder.run("add eve", "hunter2");
  const json = await folder.json("add eve", "hunter2");

  const sentence = text.stderr.slice("error: ".length, -1);
  assertEquals([text.status, text.stdout], [4, ""]);
  assertMatch(sentence, /^The password is too short: at least 8 characters/);
  const event = { event: "fatal", code: "weak-password", text: sentence };
  assertEquals(json, { status: 4, events: [event] });
  assert(!sentence.includes("hunter2"));
});

Deno.test("accounts changed by several programs at once: nothing is lost", async () => {
  await using folder = new AccountsFolder();
  await folder.has("bob", "al");

  const outcomes = await Promise.all([
    ...["cy", "CY"].map((name) => folder.run(`add ${name}`, PASSWORD)),
    folder.run("remove al"),
  ]);

  const [cy, otherCy] = outcomes as [typeof outcomes[0], typeof outcomes[0]];
  assertEquals(outcomes.map(({ status }) => status).sort(), [0, 0, 4]);
  const winner = cy.status === 0 ? "cy" : "CY";
  assertMatch(
    (cy.status === 0 ? otherCy : cy).stderr,
    /^error: Cannot (add|sign up) (cy|CY): there (is|has been) an account/,
  );
  assertEquals([...await folder.names()].sort(), [winner, "bob"].sort());
});

Deno.test({
  name: "accounts of another user of the machine aren't changed, by root neither",
  ignore: Deno.uid() !== 0,
  async fn() {
    await using folder = new AccountsFolder();
    await folder.has("bob");
    await Deno.chown(folder.file, 12_345, null);
    const before = await Deno.readTextFile(folder.file);

    for (const line of ["add eve", "passwd bob", "remove bob"]) {
      const { status, stderr } = await folder.run(line);
      assertEquals(status, 4);
      assertMatch(
        stderr,
        /^error: Cannot use .*: it belongs to user 12345 of this machine, and this is user 0; run/,
      );
    }
    assertEquals(await Deno.readTextFile(folder.file), before);
    assertEquals((await Deno.stat(folder.file)).uid, 12_345);
  },
});

Deno.test({
  name: "in another user's data folder nothing is made, by root neither",
  ignore: Deno.uid() !== 0,
  async fn() {
    await using folder = new AccountsFolder();
    await Deno.chown(folder.path, 12_345, null);

    for (const line of ["accounts add eve", "regserver --port 0", "serve --port 0"]) {
      const { status, stderr } = outcomeOf(await folder.program(line, PASSWORD).output());
      assertEquals(status, 4);
      assertMatch(stderr, /^error: Cannot use .*: .* belongs to user 12345 of this /);
    }
    assertEquals([...Deno.readDirSync(folder.path)], []);
  },
});

Deno.test("accounts import that is stopped says what was added, and has it on disk", async () => {
  await using folder = new AccountsFolder();
  const names = Array.from({ length: 200 }, (_, at) => `user${at}`);
  const table = names.map((name) => `${name},${PASSWORD}\n`).join("");
  await folder.write("in.csv", `name,password\n${table}`);
  const process = folder.command("import in.csv").spawn();
  while ((await rowsOf(folder)).length < 1) await new Promise((resolve) => setTimeout(resolve, 20));
  process.kill("SIGINT");

  const { status, stdout, stderr } = outcomeOf(await process.output());

  const rows = await rowsOf(folder);
  assertEquals([status, stdout], [130, ""]);
  assertEquals(
    stderr,
    `Added ${rows.length} of the 200 accounts of in.csv; ${200 - rows.length} from line ${
      rows.length + 2
    } on ` +
      "weren't tried\n",
  );
  assertEquals(rows, names.slice(0, rows.length));
});

Deno.test({
  name: "accounts on a full disk: what doesn't fit is refused, and all that was added is told",
  ignore: !canMount(),
  async fn() {
    await using folder = new AccountsFolder();
    await Deno.mkdir(folder.data);
    await mount(folder.data);
    try {
      const rows = ["al", "bob"].map((name) => accountRow(accountOf(name)).text);
      const table = `name,hash,created,keys,check\n${rows.join("\n")}\n`;
      await Deno.mkdir(`${folder.data}/regserver`);
      await Deno.writeTextFile(folder.file, table, { mode: 0o600 });
      await Deno.writeTextFile(`${folder.data}/regserver/accounts.lock`, "99999\n");
      await folder.write(
        "in.csv",
        `name,password\n${
          ["new1", "new2", "new3"].map((name) => `${name},${PASSWORD}\n`).join("")
        }`,
      );
      await fill(folder.data);

      const imported = await folder.run("import in.csv");
      const removed = await folder.run("remove al");
      const names = await folder.names();
      await Deno.remove(`${folder.data}/filling`);
      const again = await folder.run("remove al");

      assertEquals([imported.status, imported.stdout], [5, ""]);
      assertMatch(
        imported.stderr,
        /^error: Cannot write .*accounts\.csv\.new: No space left on device; free some space there and try again\. Added 0 of the 3 accounts of in\.csv; 3 from line 2 on weren't tried\n$/,
      );
      assertEquals(removed.status, 5);
      assertMatch(removed.stderr, /^error: Cannot write .*: No space left on device/);
      assertEquals(names, ["al", "bob"]);
      assertEquals(again.status, 0);
    } finally {
      await unmount(folder.data);
    }
  },
});

/** The names of the complete rows; a last row without a line end isn't counted. */
async function rowsOf(folder: AccountsFolder): Promise<readonly string[]> {
  const text = await Deno.readTextFile(folder.file).catch(() => "");
  return text.split("\n").slice(1, -1).map((line) => line.split(",")[0]!);
}
