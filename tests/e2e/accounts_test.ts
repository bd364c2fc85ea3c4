/** `p2pchat accounts`: what each command shows operators and scripts, and what it leaves on disk. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { PasswordHasher } from "../../lib/runtime/password_hasher.ts";
import { nodeScrypt } from "../../lib/cli/tools/accounts_command.ts";
import { accountRow } from "../../lib/store/accounts/accounts_csv.ts";
import { accountOf } from "../contracts/accounts_contract.ts";
import { AccountsFolder, outcomeOf } from "./accounts_folder.ts";
import { canMount, fill, mount, unmount } from "./small_disk.ts";

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

Deno.test("accounts add, list, passwd and remove, each durable, the file its owner's alone", async () => {
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
  assert(await isPassword(folder, "Zoë", PASSWORD));

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

  await folder.write("new", "a new password\r\n");
  const changed = await folder.run("passwd BOB --password-file new");
  assertEquals(changed, {
    status: 0,
    stdout: "Changed the password of bob; its devices need it to come in again.\n",
    stderr: "",
  });
  assert(await isPassword(folder, "bob", "a new password"));
  assertEquals(await folder.run("remove ZOË bob zoë"), {
    status: 0,
    stdout: "Removed Zoë, bob.\n",
    stderr: "",
  });
  assertEquals(await folder.names(), []);
  assertEquals(await Deno.readTextFile(folder.file), "name,hash,created,keys,check\n");
});

Deno.test("accounts: what is refused changes nothing, and no password is in any answer", async () => {
  await using folder = new AccountsFolder();
  await folder.run("add bob", PASSWORD);
  const before = await Deno.readTextFile(folder.file);
  await folder.write("short", "hunter2");
  await folder.write("lines", "hunter2hunter2\nhunter2hunter2\n");
  await Deno.writeFile(`${folder.path}/bytes`, Uint8Array.of(0xff, 0xfe, 0x31), { mode: 0o600 });
  await folder.write("long", "hunter2".repeat(1_000));
  const cases:
    readonly (readonly [line: string, password: string, status: number, text: RegExp])[] = [
      [
        "add BOB",
        "hunter2hunter2",
        4,
        /^Cannot add BOB: there has been an account bob since .* passwd bob$/,
      ],
      ["add eve", "hunter2", 4, /^The password won't do: it must have at least 8 characters;/],
      ["add eve --password-file short", "", 4, /^The password won't do: it must have at least 8/],
      [
        "add eve --password-file long",
        "",
        4,
        /^The password won't do: it has more than 1024 bytes;/,
      ],
      [
        "add eve --password-file lines",
        "",
        5,
        /^Cannot take the password from lines: it has several lines/,
      ],
      [
        "add eve --password-file bytes",
        "",
        5,
        /^Cannot take the password from bytes: it isn't UTF-8/,
      ],
      [
        "add eve --password-file none",
        "",
        5,
        /^Cannot take the password from none: there is no such file; check the name/,
      ],
      ["add eve --password-file data", "", 5, /^Cannot take the password from data: /],
      [
        "add eve",
        "",
        2,
        /^There is no password, and nobody to ask for one; name a file with --password-file/,
      ],
      ["passwd eve", "hunter2hunter2", 2, /^There is no account eve in .*; nothing was changed/],
      ["passwd bob", "hunter2", 4, /^The password won't do/],
      ["remove bob eve zoe", "", 2, /^There is no account eve, zoe in/],
      [
        "import none.csv",
        "",
        5,
        /^Cannot read none\.csv: there is no such file; check the name$/,
      ],
      ["list none.csv", "", 5, /^Cannot read none\.csv: there is no such file/],
    ];
  for (const [line, password, status, sentence] of cases) {
    const text = await folder.run(line, password);
    const json = await folder.json(line, password);

    assertEquals([text.status, text.stdout], [status, ""], line);
    assertMatch(text.stderr, /^error: .*\n$/);
    assertMatch(text.stderr.slice("error: ".length, -1), sentence, line);
    assertEquals([json.status, json.events.length, json.events[0].event], [status, 1, "fatal"]);
    assertEquals(`error: ${json.events[0].text}\n`, text.stderr);
    assert(!JSON.stringify([text, json]).includes("hunter2"), line);
  }
  assertEquals(await Deno.readTextFile(folder.file), before);
});

Deno.test("accounts: a password file that others can read is warned about, and used", async () => {
  await using folder = new AccountsFolder();
  await folder.write("password", `${PASSWORD}\n`);
  await Deno.chmod(`${folder.path}/password`, 0o640);

  const added = await folder.run("add bob --password-file password", "not this one");

  assertEquals(added, {
    status: 0,
    stdout: "Added bob.\n",
    stderr: "Others can read password, which has a password in it; chmod 600 keeps it yours\n",
  });
  assert(await isPassword(folder, "bob", PASSWORD));
});

Deno.test("accounts changed by several programs at once: nothing is lost", async () => {
  await using folder = new AccountsFolder();
  await folder.run("add bob", PASSWORD);
  await folder.run("add al", PASSWORD);

  const outcomes = await Promise.all([
    ...["cy", "dora", "CY"].map((name) => folder.run(`add ${name}`, PASSWORD)),
    folder.run("passwd bob", "a new password"),
    folder.run("remove al"),
  ]);

  const [cy, , otherCy] = outcomes as [typeof outcomes[0], unknown, typeof outcomes[0]];
  assertEquals(outcomes.map(({ status }) => status).sort(), [0, 0, 0, 0, 4]);
  const winner = cy.status === 0 ? "cy" : "CY";
  assertMatch(
    (cy.status === 0 ? otherCy : cy).stderr,
    /^error: Cannot (add|sign up) (cy|CY): there (is|has been) an account/,
  );
  assertEquals([...await folder.names()].sort(), [winner, "bob", "dora"].sort());
  assert(await isPassword(folder, "bob", "a new password"));
});

Deno.test("accounts list tells all damage with its line, and exits 5; nothing is changed until it is mended", async () => {
  await using folder = new AccountsFolder();
  await folder.write("in.csv", `name,password\nbob,${PASSWORD}\neve,${PASSWORD}\nal,${PASSWORD}\n`);
  await folder.run("import in.csv");
  const good = await Deno.readTextFile(folder.file);
  const lines = good.split("\n");
  const damaged = [lines[0], lines[1]!.replace("bob", "rob"), lines[2], lines[3]!.slice(0, 30), ""]
    .join("\n");
  await Deno.writeTextFile(folder.file, damaged);
  const sentence = (line: number, found: string) =>
    `error: Cannot read ${folder.file}: line ${line} is damaged, ${found}; restore the file from a copy, or ` +
    "move it away to start without any account; to go on without what this line says, delete the line\n";
  const first = sentence(2, "its checksum doesn't fit");

  const listed = await folder.run("list");
  const added = await folder.run("add zoe", PASSWORD);

  assertEquals(listed, {
    status: 5,
    stdout: "",
    stderr: first + sentence(4, "it is no row of CSV"),
  });
  assertEquals(added, { status: 5, stdout: "", stderr: first });
  assertEquals(await Deno.readTextFile(folder.file), damaged);
  // A last row that was being written is dropped, by what changes the table.
  await Deno.writeTextFile(folder.file, good.slice(0, -20));
  const torn = await folder.run("remove bob");
  assertEquals([torn.status, torn.stdout], [0, "Removed bob.\n"]);
  assertMatch(torn.stderr, /^Dropped \d+ bytes at the end of .*accounts\.csv, line 4: /);
  assertEquals(await folder.names(), ["eve"]);
});

Deno.test("accounts list says of another file what to do, where it was named and where it lies in the folder", async () => {
  await using folder = new AccountsFolder();
  await folder.run("add bob", PASSWORD);
  await folder.write("notes.md", "# notes\n");
  await Deno.copyFile(`${folder.path}/notes.md`, folder.file);
  const found = "a table of accounts begins with name,hash,created,keys,check, this file doesn't";

  const named = await folder.run("list notes.md");
  const usual = await folder.run("list");

  assertEquals([named.status, usual.status], [5, 5]);
  assertEquals(
    named.stderr,
    `error: Cannot read notes.md, line 1: ${found}; name another file, or move this one away\n`,
  );
  assertEquals(
    usual.stderr,
    `error: Cannot read ${folder.file}, line 1: ${found}; move it away, or choose another folder ` +
      "with --data\n",
  );
});

Deno.test({
  name: "accounts of another user of the machine aren't changed, by root neither",
  ignore: Deno.uid() !== 0,
  async fn() {
    await using folder = new AccountsFolder();
    await folder.run("add bob", PASSWORD);
    await Deno.chown(folder.file, 12_345, null);
    const before = await Deno.readTextFile(folder.file);

    for (const line of ["add eve", "passwd bob", "remove bob"]) {
      const { status, stderr } = await folder.run(line, PASSWORD);
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

Deno.test("accounts behind a symbolic link are changed there, and one that leads nowhere is told", async () => {
  await using folder = new AccountsFolder();
  await folder.run("add bob", PASSWORD);
  await Deno.mkdir(`${folder.path}/elsewhere`);
  const target = `${folder.path}/elsewhere/table.csv`;
  await Deno.rename(folder.file, target);
  await Deno.symlink("../../elsewhere/table.csv", folder.file);

  await folder.run("add eve", PASSWORD);
  await folder.run("remove bob");

  assertEquals(await folder.names(), ["eve"]);
  assertEquals((await Deno.lstat(folder.file)).isSymlink, true);
  assertEquals((await Deno.readTextFile(target)).split("\n").length, 3);
  assertEquals(
    [...Deno.readDirSync(`${folder.path}/elsewhere`)].length,
    1,
    "the lock is in the folder",
  );

  await Deno.remove(target);
  for (const line of ["accounts list", "accounts add zoe", "regserver --port 0"]) {
    const { status, stderr } = outcomeOf(await folder.program(line, PASSWORD).output());
    assertEquals(status, 5);
    assertMatch(stderr, /^error: Cannot use .*accounts\.csv: it is a symbolic link to .*, which /);
  }
});

Deno.test("accounts import adds what it can, tells all else with its line, and goes on where it stopped", async () => {
  await using folder = new AccountsFolder();
  await folder.run("add ALICE", PASSWORD);
  const good = `bob,${PASSWORD}\n"Zoë","with, ""quotes"""\n`;
  await folder.write(
    "in.csv",
    `name,password\nalice,${PASSWORD}\n${good}a b,${PASSWORD}\ncy,hunter2\n`,
  );
  await Deno.chmod(`${folder.path}/in.csv`, 0o644);

  const first = await folder.run("import in.csv");
  const again = await folder.json("import in.csv");
  await folder.write("taken.csv", `name,password\n${good}`);
  const taken = await folder.run("import taken.csv");

  const because = (line: number, found: string) => `Cannot add line ${line} of in.csv: ${found}`;
  const warning = "Others can read in.csv, which has passwords in it; chmod 600 keeps it yours";
  const there = "there is an account of that name";
  const blank =
    'its name is not possible: a name consists of letters, digits, "_", "-" and ".", not of blanks';
  const weak = "its password won't do: it must have at least 8 characters";
  assertEquals(first, {
    status: 5,
    stdout: "",
    stderr: `${warning}\n` +
      [
        because(2, there),
        because(5, blank),
        because(6, weak),
        "Added 2 of the 5 accounts of in.csv; 3 refused (see above)",
      ].map((text) => `error: ${text}\n`).join(""),
  });
  const error = (code: string, line: number, found: string) => ({
    event: "error",
    code,
    text: because(line, found),
  });
  assertEquals(again, {
    status: 5,
    events: [
      { event: "notice", text: warning },
      error("name-taken", 2, there),
      error("name-taken", 3, there),
      error("name-taken", 4, there),
      error("bad-name", 5, blank),
      error("weak-password", 6, weak),
      { event: "imported", from: "in.csv", names: [], refused: 5, untried: 0 },
      {
        event: "fatal",
        code: "bad-file",
        text: "Added 0 of the 5 accounts of in.csv; 5 refused (see above)",
      },
    ],
  });
  assertEquals(taken.status, 4, "all of them for one reason");
  assertEquals(await folder.names(), ["ALICE", "bob", "Zoë"]);
  assert(await isPassword(folder, "Zoë", 'with, "quotes"'));
});

Deno.test("accounts import of a file that isn't one adds nothing", async () => {
  await using folder = new AccountsFolder();
  for (
    const [text, line] of [["alice,hunter2hunter2\n", 1], [
      'name,password\nbob,"hunter2hunter2\n',
      2,
    ]] as const
  ) {
    await folder.write("in.csv", text);
    const { status, stdout, stderr } = await folder.run("import in.csv");
    assertEquals([status, stdout], [5, ""]);
    assertMatch(
      stderr,
      new RegExp(`^error: Cannot read in\\.csv, line ${line}: .*; nothing was added\\n$`),
    );
  }
  assertEquals(await folder.names(), []);
});

/** Starts an import of many accounts, and waits until it has added some. */
async function importing(folder: AccountsFolder) {
  const names = Array.from({ length: 200 }, (_, at) => `user${at}`);
  await folder.write(
    "in.csv",
    `name,password\n${names.map((name) => `${name},${PASSWORD}\n`).join("")}`,
  );
  const process = folder.command("import in.csv").spawn();
  while ((await rowsOf(folder)).length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  return { names, process };
}

Deno.test("accounts import that is stopped says what was added, and has it on disk", async () => {
  await using folder = new AccountsFolder();
  const { names, process } = await importing(folder);
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

Deno.test("accounts import that is killed leaves whole rows, and the next program changes them", async () => {
  await using folder = new AccountsFolder();
  const { process } = await importing(folder);
  process.kill("SIGKILL");
  await process.output();

  const rows = await rowsOf(folder);
  assertEquals((await folder.run("remove user0")).status, 0);
  assertEquals(await folder.names(), rows.slice(1));
});

Deno.test({
  name: "accounts on a full disk: what doesn't fit is refused, and all that was added is told",
  ignore: !canMount(),
  async fn() {
    await using folder = new AccountsFolder();
    await Deno.mkdir(folder.data);
    await mount(folder.data);
    try {
      // A file has whole pages: one more row fits into this one's last page, and no second.
      const rows = Array.from(
        { length: 29 },
        (_, at) => accountRow(accountOf(`user${10 + at}`)).text,
      );
      const table = `name,hash,created,keys,check\n${rows.join("\n")}\n`;
      const room = 4_096 - table.length;
      const rowBytes = rows[0]!.length + 1;
      assert(
        room >= rowBytes && room < 2 * rowBytes,
        `${room} bytes are left, a row has ${rowBytes}`,
      );
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
      const removed = await folder.run("remove user10");
      const names = await folder.names();
      await Deno.remove(`${folder.data}/filling`);
      const again = await folder.run("remove user10");

      assertEquals([imported.status, imported.stdout], [5, ""]);
      assertMatch(
        imported.stderr,
        /^error: Cannot write .*accounts\.csv: No space left on device; free some space there and try again\. Added 1 of the 3 accounts of in\.csv; 2 from line 3 on weren't tried\n$/,
      );
      assertEquals(removed.status, 5);
      assertMatch(removed.stderr, /^error: Cannot write .*: No space left on device/);
      assertEquals([names.length, names[0], names.at(-1)], [30, "user10", "new1"]);
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
