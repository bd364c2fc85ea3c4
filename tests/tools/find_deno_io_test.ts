/** With which Deno p2pchat is built: what npm brings is run only where it is the one that was pinned. */

import { assertEquals, assertMatch } from "@std/assert";

const root = new URL("../../", import.meta.url);
const BINARY = "#!/bin/sh\n: > ran\n";
/** Notes how it was called, and brings a binary. */
const NPM = `#!/bin/sh
echo "$*" > npm_arguments
mkdir -p .deno/node_modules/@deno/linux-x64-glibc
printf '%s' "$BINARY" > .deno/node_modules/@deno/linux-x64-glibc/deno
`;

interface Found {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly npmArguments: string;
  /** Whether what npm brought was started. */
  readonly ran: boolean;
}

/** Runs find_deno.sh where PATH has a Deno that is too old, and npm. */
async function found(options: { readonly digests?: string }): Promise<Found> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "p2pchat-deno-" }));
  try {
    await Deno.mkdir(`${folder}/tools/deno`, { recursive: true });
    await Deno.mkdir(`${folder}/bin`);
    const files = ["find_deno.sh", "sha256.sh", "deno/package.json", "deno/package-lock.json"];
    for (const file of [...files, "deno/sha256"]) {
      await Deno.copyFile(new URL(`tools/${file}`, root), `${folder}/tools/${file}`);
    }
    if (options.digests !== undefined) {
      await Deno.writeTextFile(`${folder}/tools/deno/sha256`, options.digests);
    }
    await Deno.writeTextFile(`${folder}/bin/npm`, NPM, { mode: 0o755 });
    await Deno.writeTextFile(`${folder}/bin/deno`, "#!/bin/sh\necho deno 2.1.0\n", { mode: 0o755 });
    const { code, stdout, stderr } = await new Deno.Command(`${folder}/tools/find_deno.sh`, {
      env: { PATH: `${folder}/bin:${Deno.env.get("PATH")}`, BINARY },
    }).output();
    const read = (name: string) => Deno.readTextFile(`${folder}/${name}`).catch(() => null);
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).replaceAll(folder, "");
    return {
      code,
      stdout: text(stdout),
      stderr: text(stderr),
      npmArguments: await read("npm_arguments") ?? "",
      ran: await read("ran") !== null,
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function digestOf(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(bytes).toHex();
}

Deno.test("find_deno.sh installs by the lock file, and runs no script of a package", async () => {
  const { code, stdout, npmArguments, ran } = await found({
    digests: `${await digestOf(BINARY)}  linux-x64\n`,
  });

  assertEquals([code, stdout], [0, "/.deno/bin/deno\n"]);
  assertMatch(npmArguments, /^ci --prefix \.deno --ignore-scripts /);
  assertEquals(ran, false);
});

Deno.test("find_deno.sh uses no binary from npm but those whose digests are known", async () => {
  const { code, stdout, stderr, ran } = await found({});

  assertEquals([code, stdout, ran], [1, "", false]);
  assertMatch(stderr, /isn't one of the binaries in tools\/deno\/sha256; remove \.deno and run/);
});

Deno.test("what the build takes from elsewhere is locked, with a digest of each package", async () => {
  const json = async (name: string) => JSON.parse(await Deno.readTextFile(new URL(name, root)));
  const { packages } = await json("tools/deno/package-lock.json");
  const pinned = (await json("tools/deno/package.json")).dependencies.deno;
  const installed = Object.entries<{ version: string; integrity?: string }>(packages)
    .filter(([path]) => path !== "");
  const { npm, jsr } = await json("deno.lock");
  const imported = Object.entries<{ integrity?: string }>({ ...npm, ...jsr });

  assertEquals((await json("deno.json")).lock, { frozen: true });
  for (const [path, { version, integrity }] of installed) {
    assertEquals([path, version, integrity?.slice(0, 7)], [path, pinned, "sha512-"]);
  }
  for (const [name, { integrity }] of imported) {
    assertEquals([name, integrity === undefined], [name, false]);
  }
});
