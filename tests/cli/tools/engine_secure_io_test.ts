/** `p2pchat accounts --engine etcds://`: over TLS, as a user with a password, and what is refused. */

import { assertEquals, assertMatch } from "@std/assert";
import { EtcdNodes, type EtcdTls, HAS_ETCD } from "../../engine/etcd_nodes.ts";
import { freePort } from "../../e2e/ports.ts";
import { ran } from "../ran.ts";

/** Runs `openssl LINE` in the folder. @returns False where it isn't installed. */
function openssl(folder: string, ...args: readonly string[]): boolean {
  try {
    const quiet = { stdout: "null", stderr: "null" } as const;
    const command = new Deno.Command("openssl", { args: [...args], cwd: folder, ...quiet });
    return command.outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** A certificate `NAME.pem` and its key, signed by `ca.pem`; for `127.0.0.1`, and without a CN. */
function certify(folder: string, name: string): void {
  openssl(
    folder,
    "req",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-keyout",
    `${name}.key`,
    "-out",
    `${name}.csr`,
    "-subj",
    "/O=p2pchat",
  );
  Deno.writeTextFileSync(`${folder}/ext`, "subjectAltName=IP:127.0.0.1\n");
  openssl(
    folder,
    "x509",
    "-req",
    "-in",
    `${name}.csr`,
    "-CA",
    "ca.pem",
    "-CAkey",
    "ca.key",
    "-CAcreateserial",
    "-days",
    "2",
    "-extfile",
    "ext",
    "-out",
    `${name}.pem`,
  );
}

function authority(folder: string, name: string): void {
  openssl(
    folder,
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-keyout",
    `${name}.key`,
    "-out",
    `${name}.pem`,
    "-days",
    "2",
    "-subj",
    "/O=authority",
  );
}

async function call(url: string, { client }: EtcdTls, path: string, body: object): Promise<void> {
  const init = { method: "POST", body: JSON.stringify(body), client };
  const response = await fetch(`${url}/v3/auth/${path}`, init);
  const answer = await response.text();
  if (!response.ok) throw new Error(answer);
}

Deno.test({
  name:
    "accounts --engine: over TLS, by the user's password, whatever proxy is set; what is refused has a sentence",
  ignore: !HAS_ETCD || !openssl("/", "version"),
  sanitizeResources: false, // a command that ends closes no client
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "p2pchat-engine-" });
    const text = (name: string) => Deno.readTextFileSync(`${folder}/${name}`);
    authority(folder, "ca");
    authority(folder, "another");
    certify(folder, "node");
    certify(folder, "own");
    authority(folder, "stranger");
    const client = Deno.createHttpClient({
      caCerts: [text("ca.pem")],
      cert: text("own.pem"),
      key: text("own.key"),
    });
    const tls: EtcdTls = {
      client,
      args: [
        ...["--cert-file", `${folder}/node.pem`, "--key-file", `${folder}/node.key`],
        ...["--trusted-ca-file", `${folder}/ca.pem`, "--client-cert-auth"],
      ],
    };
    try {
      await using nodes = await EtcdNodes.open(1, tls);
      const [url = ""] = nodes.urls;
      const range = { key: btoa("p2pchat/"), range_end: btoa("p2pchat0") };
      for (const name of ["root", "chat"]) {
        await call(url, tls, "user/add", { name, password: `${name} password` });
        await call(url, tls, "role/add", { name });
        await call(url, tls, "user/grant", { user: name, role: name });
      }
      await call(url, tls, "role/grant", {
        name: "chat",
        perm: { permType: "READWRITE", ...range },
      });
      await call(url, tls, "enable", {});
      for (
        const [file, content] of [["right", "chat password\n"], ["wrong", "guess\n"], [
          "new",
          "correct horse\n",
        ]]
      ) {
        await Deno.writeTextFile(`${folder}/${file}`, content!, { mode: 0o600 });
      }
      const engine = url.replace("https:", "etcds:");
      const run = (line: string, flags: Readonly<Record<string, string>> = {}) => {
        const given = {
          engine,
          "engine-ca": "./ca.pem",
          "engine-cert": "./own.pem",
          "engine-key": "./own.key",
          "engine-user": "chat",
          "engine-password-file": "./right",
          ...flags,
        };
        const words = Object.entries(given).flatMap((
          [flag, value],
        ) => [`--${flag}`, value.replace("./", `${folder}/`)]);
        return ran(
          ["accounts", ...line.replace("./", `${folder}/`).split(" "), ...words],
          `${folder}/data`,
        );
      };

      Deno.env.set("HTTPS_PROXY", "http://127.0.0.1:9");
      assertEquals(await run("add bob --password-file ./new"), {
        status: 0,
        stdout: "Added bob.\n",
        stderr: "",
      });
      assertMatch((await run("list")).stdout, /bob .*\n# 1 account\n$/);

      const refused = [
        [
          { "engine-password-file": "./wrong" },
          4,
          /^error: Cannot use the engine as chat: authentication failed, invalid user ID or password; check --engine-user and --engine-password-file\n$/,
        ],
        [{ engine: `${engine}/other` }, 4, /^error: Cannot use the engine: permission denied\n$/],
        [
          { "engine-ca": "./another.pem" },
          3,
          /^error: Cannot reach the engine at 127[^;]*: its certificate isn't signed by one that is known here; give its authority's with --engine-ca \(.*\); check the nodes' certificates, --engine-ca and --engine-cert\n$/,
        ],
        // Of a node that is down, and one with a strange certificate, the certificate is what to look at.
        [
          {
            engine: `etcds://127.0.0.1:${freePort()},${engine.slice("etcds://".length)}`,
            "engine-ca": "./another.pem",
          },
          3,
          /^error: Cannot reach the engine at 127[^;]*: its certificate isn't signed.*; 127[^;]*refused[^;]*; check the nodes' certificates/,
        ],
        [
          { "engine-cert": "./stranger.pem", "engine-key": "./stranger.key" },
          3,
          /^error: Cannot reach the engine at 127[^;]*: it .*doesn't take the (one|certificate) of --engine-cert/,
        ],
        [
          { "engine-key": "./node.key" },
          5,
          /^error: Cannot use .*own.pem and .*node.key for the engine: /,
        ],
        [
          { "engine-cert": "./none.pem" },
          5,
          /^error: Cannot use .*none.pem for the engine: there is no such file; check the name\n$/,
        ],
      ] as const;
      for (const [flags, status, sentence] of refused) {
        const list = () => run("list", flags as Record<string, string>);
        let answer = await list();
        // On a busy machine it may take longer than the second that it has.
        for (let n = 0; n < 5 && answer.stderr.includes("doesn't answer"); n++) {
          answer = await list();
        }
        assertMatch(answer.stderr, sentence);
        assertEquals([answer.status, answer.stdout], [status, ""]);
      }
    } finally {
      client.close();
      await Deno.remove(folder, { recursive: true });
    }
  },
});
