/** A directory under measurement, on a port and with a folder of its own. */

import { fileURLToPath } from "node:url";
import { fingerprintOf } from "../../lib/base/text/fingerprint.ts";
import type { CrowdMember } from "./crowd.ts";
import { LineProcess, PROGRAM } from "./line_process.ts";
import { freePort } from "../e2e/ports.ts";

const CLIENTS_MAX = 2_000;

/** Of all accounts that it begins with. */
export const PASSWORD = "correct horse";

/** A directory that runs. */
export class RunningDirectory implements AsyncDisposable {
  process: LineProcess;

  private constructor(readonly folder: string, readonly port: number) {
    this.process = this.#start();
  }

  /** @param members Those who have accounts, all with one password. */
  static async open(members: readonly CrowdMember[] = []): Promise<RunningDirectory> {
    const folder = await Deno.makeTempDir({ prefix: "p2pchat-bench-" });
    if (members.length > 0) await makeAccounts(folder, members);
    const directory = new RunningDirectory(folder, freePort());
    await directory.#ready();
    return directory;
  }

  /** As `kill -9` does. */
  async kill(): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }

  async start(): Promise<void> {
    this.process = this.#start();
    await this.#ready();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }

  #start(): LineProcess {
    const place = ["--host", "127.0.0.1", "--port", String(this.port), "--data", this.folder];
    const clients = ["--max-clients", String(CLIENTS_MAX)];
    return new LineProcess([PROGRAM, "regserver", "--json", ...place, ...clients]);
  }

  async #ready(): Promise<void> {
    await this.process.until("ready", (line) => line.includes('"ready"') || undefined);
  }
}

/** Writes `regserver/accounts.csv` below `data`. */
export async function makeAccounts(
  data: string,
  members: readonly CrowdMember[],
): Promise<void> {
  await Deno.mkdir(`${data}/regserver`, { recursive: true, mode: 0o700 });
  const script = fileURLToPath(new URL("make_accounts.ts", import.meta.url));
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", script, `${data}/regserver/accounts.csv`, PASSWORD],
    stdin: "piped",
  }).spawn();
  const people = members.map(({ name, signer }) => ({ name, key: fingerprintOf(signer.key) }));
  await new Blob([JSON.stringify(people)]).stream().pipeTo(process.stdin);
  if (!(await process.status).success) throw new Error("Cannot measure: no accounts were made");
}
