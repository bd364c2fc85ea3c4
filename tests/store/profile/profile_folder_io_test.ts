import { assertEquals, assertRejects } from "@std/assert";
import { fileURLToPath } from "node:url";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { lockProfile } from "../../../lib/store/profile/profile_folder.ts";
import { RealDisk } from "../../../lib/store/disk/real_disk.ts";
import { slow } from "../../given.ts";
import { TemporaryFolder } from "../../temporary_folder.ts";

const CHILD = new URL("../profile_lock_child.ts", import.meta.url);

Deno.test("lockProfile() refuses a second process until the first is killed", async () => {
  await withFolder(async (folder) => {
    const disk = new RealDisk();
    await using child = await Child.start(folder);
    assertEquals(child.said, "locked");

    const error = await assertRejects(
      () => lockProfile(disk, folder, "friends", Deno.pid),
      P2pchatError,
      `process ${child.pid} uses it already`,
    );
    assertEquals(error.code, "in-use");

    await child.kill();
    (await lockProfile(disk, folder, "friends", Deno.pid)).release();
  });
});

slow.test("lockProfile() lets exactly one in of several that start at once, in each of many folders", async () => {
  await withFolder(async (folder) => {
    // One after the other, as fast as each can: whoever is behind catches up, as it finds files that are there.
    const folders = Array.from({ length: 800 }, (_, at) => `${folder}/${at}`);
    for (const each of folders) await Deno.mkdir(each);
    const children = await Promise.all([1, 2, 3, 4, 5, 6].map(() => Child.start(...folders)));
    const said = children.map((child) => child.said.split(" "));
    for (const child of children) await child.kill();

    for (const at of folders.keys()) {
      assertEquals(
        said.map((words) => words[at]).sort(),
        ["in-use", "in-use", "in-use", "in-use", "in-use", "locked"],
        `folder ${at}`,
      );
    }
  });
});

/** A process that locks folders, says how that went, and stays until it is killed. */
class Child {
  private constructor(readonly process: Deno.ChildProcess, readonly said: string) {}

  static async start(...folders: readonly string[]): Promise<Child> {
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "-A", fileURLToPath(CHILD), ...folders],
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
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-lock-" });
  const folder = temporary.path;
  await test(folder);
}
