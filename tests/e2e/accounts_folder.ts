/** A temporary data folder for tests of `p2pchat accounts`. */

import { assertEquals } from "@std/assert";
import { accountRow, ACCOUNTS_HEADER } from "../../lib/store/accounts/accounts_csv.ts";
import { accountOf } from "../contracts/accounts_contract.ts";
import { printedEvents } from "../cli/ran.ts";
import { PROGRAM } from "./node.ts";

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class AccountsFolder implements AsyncDisposable {
  readonly path = Deno.makeTempDirSync({ prefix: "p2pchat-accounts-" });
  readonly data = `${this.path}/data`;
  readonly file = `${this.data}/regserver/accounts.csv`;

  /** The command `p2pchat accounts LINE` in this folder. */
  command(line: string, password = ""): Deno.Command {
    return this.program(`accounts ${line}`, password);
  }

  /** The command `p2pchat LINE` in this folder. */
  program(line: string, password = ""): Deno.Command {
    return new Deno.Command(PROGRAM, {
      args: line.split(" "),
      cwd: this.path,
      env: { P2PCHAT_HOME: this.data, P2PCHAT_PASSWORD: password },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
  }

  async run(line: string, password?: string): Promise<Outcome> {
    return outcomeOf(await this.command(line, password).output());
  }

  /** Runs the command with `--json`. @returns The objects, without their times. */
  async json(line: string, password?: string) {
    const printed = await this.run(`${line} --json`, password);
    return { status: printed.status, events: printedEvents(printed) };
  }

  /** The names in the table of accounts. */
  async names(): Promise<readonly string[]> {
    const { status, events: [table] } = await this.json("list");
    assertEquals(status, 0);
    return table.accounts.map(({ name }: { readonly name: string }) => name);
  }

  /** Makes accounts of these names, whose hashes no password fits. */
  async has(...names: readonly string[]): Promise<void> {
    const rows = names.map((name) => accountRow(accountOf(name)).text);
    await Deno.mkdir(`${this.data}/regserver`, { recursive: true, mode: 0o700 });
    const text = [ACCOUNTS_HEADER, ...rows, ""].join("\n");
    await Deno.writeTextFile(this.file, text, { mode: 0o600 });
  }

  write(name: string, text: string, mode = 0o600): Promise<void> {
    return Deno.writeTextFile(`${this.path}/${name}`, text, { mode });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.path, { recursive: true });
  }
}

export function outcomeOf({ code, stdout, stderr }: Deno.CommandOutput): Outcome {
  const decoder = new TextDecoder();
  return { status: code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
