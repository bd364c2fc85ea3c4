/** `p2pchat accounts --engine`: over a real etcd. */

import { assertEquals, assertMatch } from "@std/assert";
import { foldName } from "../../../lib/base/text/names.ts";
import { accountLines, accountRow } from "../../../lib/store/accounts/accounts_csv.ts";
import { accountOf, hashNumber, keyNumber } from "../../contracts/accounts_contract.ts";
import { EtcdNodes, HAS_ETCD } from "../../engine/etcd_nodes.ts";
import { ran } from "../ran.ts";
import { TemporaryFolder } from "../../temporary_folder.ts";

const trial = (name: string, run: (accounts: Accounts) => Promise<void>) =>
  Deno.test({
    name,
    ignore: !HAS_ETCD,
    fn: async () => {
      await using nodes = await EtcdNodes.open(1);
      await using temporary = new TemporaryFolder({ prefix: "p2pchat-engine-" });
      const folder = temporary.path;
      await run(new Accounts(nodes.urls[0]!.replace("http:", "etcd:"), folder));
    },
  });

class Accounts {
  constructor(readonly engine: string, readonly folder: string) {}

  /** Runs `p2pchat accounts LINE`, where `./` begins a file of the folder. */
  run(line: string, engine = this.engine) {
    const words = line.split(" ").map((word) => word.replace(/^\.\//, `${this.folder}/`));
    return ran(["accounts", ...words, "--engine", engine], `${this.folder}/data`);
  }

  write(name: string, text: string): Promise<void> {
    return Deno.writeTextFile(`${this.folder}/${name}`, text, { mode: 0o600 });
  }

  async names(engine?: string): Promise<readonly string[]> {
    const { stdout } = await this.run("list --json", engine);
    return JSON.parse(stdout.split("\n")[0]!).accounts.map(({ name }: { readonly name: string }) =>
      name
    );
  }
}

trial(
  "accounts --engine: added, listed, changed and removed in the engine, and in its prefix alone",
  async (accounts) => {
    await accounts.write("password", "correct horse\n");
    assertEquals(await accounts.run("add Zoë --password-file ./password"), {
      status: 0,
      stdout: "Added Zoë.\n",
      stderr: "",
    });
    await accounts.write("people.csv", "name,password\nbob,hunter2hunter2\nal,hunter2hunter2\n");
    assertEquals((await accounts.run("import ./people.csv")).status, 0);
    assertEquals(await accounts.names(), ["Zoë", "bob", "al"]);
    assertEquals(await accounts.names(`${accounts.engine}/other`), []);

    const taken = await accounts.run("add ZOË --password-file ./password");
    assertEquals([taken.status, taken.stdout], [4, ""]);
    assertMatch(taken.stderr, /^error: Cannot add ZOË: there has been an account Zoë since /);
    assertEquals((await accounts.run("passwd bob --password-file ./password")).status, 0);
    assertEquals((await accounts.run("remove bob Zoë")).stdout, "Removed bob, Zoë.\n");
    assertEquals(await accounts.names(), ["al"]);
    assertEquals([...Deno.readDirSync(accounts.folder)].map(({ name }) => name).toSorted(), [
      "password",
      "people.csv",
    ]);
  },
);

trial(
  "accounts export and import: moved into an engine and out again, byte for byte, hashes and devices kept",
  async (accounts) => {
    const before = [
      accountOf("Zoë", { hash: hashNumber(1), keys: [keyNumber(1), keyNumber(2)] }),
      accountOf("al", { hash: hashNumber(2), createdMs: accountOf("al").createdMs - 1 }),
      accountOf("bob", { hash: hashNumber(3) }),
    ];
    const rows = before.map((account) => [foldName(account.name), accountRow(account)] as const);
    const text = [...accountLines(new Map(rows))].join("");
    await accounts.write("old.csv", text);
    const added = { status: 0, stdout: "Added the 3 accounts of OLD.\n", stderr: "" };
    const first = await accounts.run("import ./old.csv");
    assertEquals(
      { ...first, stdout: first.stdout.replace(`${accounts.folder}/old.csv`, "OLD") },
      added,
    );
    assertMatch(
      (await accounts.run("import ./old.csv")).stdout,
      /^The 3 accounts of .* were there already\.\n$/,
    );

    assertMatch(
      (await accounts.run("export ./new.csv")).stdout,
      /^Wrote 3 accounts to .*new.csv\.\n$/,
    );
    const file = `${accounts.folder}/new.csv`;
    assertEquals(await Deno.readTextFile(file), text);
    assertEquals((await Deno.stat(file)).mode! & 0o777, 0o600);
    const again = await accounts.run("export ./new.csv");
    assertEquals([again.status, again.stderr.includes("there is a file of that name")], [5, true]);

    const others = before.map((account) => ({ ...account, hash: hashNumber(9) })).slice(2);
    const other = [
      ...accountLines(new Map(others.map((one) => [foldName(one.name), accountRow(one)]))),
    ];
    await accounts.write("other.csv", other.join(""));
    const refused = await accounts.run("import ./other.csv");
    assertEquals([refused.status, refused.stdout], [4, ""]);
    assertMatch(refused.stderr, /there is another account bob; nothing was added/);
  },
);
