/** What docs/engine.md has operators do: certificates and settings of three nodes with TLS. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { ran } from "../cli/ran.ts";
import { HAS_ETCD } from "./etcd_nodes.ts";

const FILES = "docs/engine";

function isInstalled(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["version"], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Three addresses of loopback that no other test has: the ports of the settings are etcd's own. */
function hosts(): readonly string[] {
  const [a = 0, b = 0] = crypto.getRandomValues(new Uint8Array(2));
  return [1, 2, 3].map((n) => `127.${1 + a % 254}.${b}.${n}`);
}

async function certify(folder: string, ...names: readonly string[]): Promise<void> {
  const script = await Deno.realPath(`${FILES}/certificates.sh`);
  const command = new Deno.Command("sh", { args: [script, ...names], cwd: folder });
  const { success, stderr } = await command.output();
  assert(success, new TextDecoder().decode(stderr));
}

/** The settings of the docs for this node, in the folder of the test. */
function settings(folder: string, all: readonly string[], own: string): string {
  const [one = "", two = "", three = ""] = all;
  return Deno.readTextFileSync(`${FILES}/etcd.yml`)
    .replaceAll("HOST1", one).replaceAll("HOST2", two).replaceAll("HOST3", three)
    .replaceAll("HOST", own)
    .replaceAll("/etc/etcd", folder)
    .replaceAll("/var/lib/etcd", `${folder}/${own}`)
    .replaceAll(",https://127.0.0.1:2379", ""); // all three are on this machine
}

Deno.test({
  name:
    "docs/engine.md: three nodes with TLS, as it says, take p2pchat with its certificate, and nobody without",
  ignore: !HAS_ETCD || !isInstalled("openssl"),
  sanitizeResources: false, // a command that ends closes no client
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "p2pchat-engine-" });
    const all = hosts();
    await certify(folder, ...all);
    const nodes: Deno.ChildProcess[] = [];
    try {
      for (const own of all) {
        const file = `${folder}/${own}.yml`;
        await Deno.writeTextFile(file, settings(folder, all, own));
        await Deno.mkdir(`${folder}/${own}`, { mode: 0o700 });
        const args = ["--config-file", file];
        nodes.push(new Deno.Command("etcd", { args, stdout: "null", stderr: "null" }).spawn());
      }
      const engine = ["--engine", `etcds://${all.join(",")}`, "--engine-ca", `${folder}/ca.pem`];
      const own = [
        ...["--engine-cert", `${folder}/p2pchat.pem`],
        ...["--engine-key", `${folder}/p2pchat.key`],
      ];
      const list = (...flags: string[]) => ran(["accounts", "list", ...engine, ...flags], folder);
      let found = await list(...own);
      for (let tries = 0; found.status !== 0 && tries < 3; tries++) found = await list(...own);
      assertEquals([found.status, found.stdout.includes("0 accounts")], [0, true], found.stderr);

      const refused = await list();
      assertEquals(refused.status, 3);
      assertMatch(refused.stderr, /Cannot reach the engine/);
    } finally {
      for (const node of nodes) node.kill("SIGKILL");
      for (const node of nodes) await node.status;
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "certificates.sh: a second run, for another node, keeps the authority",
  ignore: !isInstalled("openssl"),
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "p2pchat-engine-" });
    try {
      await certify(folder, "127.0.0.1");
      const authority = await Deno.readTextFile(`${folder}/ca.pem`);
      await certify(folder, "node.example", "2001:db8::1");

      assertEquals(await Deno.readTextFile(`${folder}/ca.pem`), authority);
      for (
        const [name, host] of [["127.0.0.1", "IP Address:127.0.0.1"], [
          "node.example",
          "DNS:node.example",
        ]]
      ) {
        const args = ["x509", "-in", `${name}.pem`, "-noout", "-text"];
        const { stdout } = await new Deno.Command("openssl", { args, cwd: folder }).output();
        assertMatch(new TextDecoder().decode(stdout), new RegExp(host!));
      }
      const { mode } = await Deno.stat(`${folder}/node.example.key`);
      assertEquals((mode ?? 0) & 0o077, 0);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
