import { assertEquals, assertRejects } from "@std/assert";
import { fileURLToPath } from "node:url";
import { P2pchatError } from "../../lib/base/errors.ts";
import { lockProfile } from "../../lib/store/profile_lock.ts";
import { RealDisk } from "../../lib/store/real_disk.ts";

const CHILD = new URL("./profile_lock_child.ts", import.meta.url);

Deno.test("lockProfile() refuses a second process until the first is killed", async () => {
  await withFolder(async (folder) => {
    const disk = new RealDisk();
    await using child = await Child.start(folder);
    assertEquals(child.said, "locked");

    const error = await assertRejects(
      () => lockProfile(disk, folder, "mesh", Deno.pid),
      P2pchatError,
      `process ${child.pid} uses it already`,
    );
    assertEquals(error.code, "in-use");

    await child.kill();
    (await lockProfile(disk, folder, "mesh", Deno.pid)).release();
  });
});

Deno.test("lockProfile() lets exactly one in of several that start at once", async () => {
  await withFolder(async (folder) => {
    const children = await Promise.all([1, 2, 3, 4].map(() => Child.start(folder)));
    const said = children.map((child) => child.said).sort();
    for (const child of children) await child.kill();

    assertEquals(said, ["in-use", "in-use", "in-use", "locked"]);
  });
});

/** A process that locks the folder, says how that went, and stays until it is killed. */
class Child {
  private constructor(readonly process: Deno.ChildProcess, readonly said: string) {}

  static async start(folder: string): Promise<Child> {
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "-A", fileURLToPath(CHILD), folder],
      stdin: "null",
      stdout: "piped",
    });
    const process = command.spawn();
    const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let said = "";
    while (!said.endsWith("\n")) {
      const { value, done } = await reader.read();
      if (done) break;
      said += value;
    }
    await reader.cancel();
    return new Child(process, said.trim());
  }

  get pid(): number {
    return this.process.pid;
  }

  async kill(): Promise<void> {
    try {
      this.process.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
    await this.process.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-lock-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
