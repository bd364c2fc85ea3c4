/**
 * A program at a pseudo-terminal, as a person sits before it: keys in, a screen out.
 *
 * The pseudo-terminal is that of `script` (util-linux), `stty` gives it a size. Waiting is for what the
 * screen shows, never for time to pass.
 */

import { Screen } from "./screen.ts";

/** How long the screen may take to show what is awaited, also on a busy machine. */
const AWAIT_MS = 60_000;

export interface TerminalOptions {
  readonly command: readonly string[];
  readonly columns?: number;
  readonly rows?: number;
  /** Whether the terminal breaks rows that become too wide; as nearly everywhere, it does. */
  readonly reflows?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Appended to the command as it stands: `2>FILE`. */
  readonly redirect?: string;
}

/** Whether this machine has what `openTerminal` needs. */
export function hasScript(): boolean {
  try {
    const { stdout } = new Deno.Command("script", { args: ["--version"] }).outputSync();
    return new TextDecoder().decode(stdout).includes("util-linux");
  } catch {
    return false;
  }
}

export class Terminal {
  readonly screen: Screen;
  readonly #process: Deno.ChildProcess;
  readonly #keys: WritableStreamDefaultWriter<Uint8Array>;
  readonly #folder: string;
  readonly #reading: Promise<void>;
  #changed = Promise.withResolvers<void>();
  #raw = "";

  constructor(process: Deno.ChildProcess, screen: Screen, folder: string) {
    this.screen = screen;
    this.#process = process;
    this.#folder = folder;
    this.#keys = process.stdin.getWriter();
    this.#reading = this.#read();
  }

  /** Everything the program wrote, sequences included. */
  get raw(): string {
    return this.#raw;
  }

  /** Sends keys as a terminal does. */
  async press(keys: string): Promise<void> {
    await this.#keys.write(new TextEncoder().encode(keys));
  }

  /** Resolves once `holds`; fails with what the screen shows where it never does. */
  async until(what: string, holds: (screen: Screen) => boolean): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), AWAIT_MS);
    });
    try {
      while (!holds(this.screen)) {
        if (await Promise.race([this.#changed.promise, limit]) === "late") {
          throw new Error(
            `The screen never showed ${what}:\n${this.screen.text}\n(cursor: ${this.screen.cursorLine})`,
          );
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Waits for the row with the cursor, `|` being the cursor. */
  untilCursorLine(line: string): Promise<void> {
    return this.until(`the cursor line ${line}`, (screen) => screen.cursorLine === line);
  }

  /** Gives the window another size. */
  async resize(columns: number, rows: number): Promise<void> {
    const device = (await Deno.readTextFile(`${this.#folder}/tty`)).trim();
    this.screen.resize(columns, rows);
    const args = ["-F", device, "cols", String(columns), "rows", String(rows)];
    await new Deno.Command("stty", { args }).output();
  }

  /** What `stty -a` says of the terminal now. */
  async settings(): Promise<string> {
    const device = (await Deno.readTextFile(`${this.#folder}/tty`)).trim();
    const { stdout } = await new Deno.Command("stty", { args: ["-F", device, "-a"] }).output();
    return new TextDecoder().decode(stdout);
  }

  /** The program's exit status, when it has ended. */
  async ended(): Promise<number> {
    await this.#reading;
    const { code } = await this.#process.status;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // `script` ends with the program. Were it killed first, the program would leave at its leisure, and
    // write to folders that a test removes meanwhile.
    const started = await startedBy(this.#process.pid);
    for (const pid of started.length > 0 ? started : [this.#process.pid]) kill(pid);
    await this.#keys.close().catch(() => {});
    await this.#reading;
    await this.#process.status;
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #read(): Promise<void> {
    for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      this.#raw += text;
      this.screen.write(text);
      this.#changed.resolve();
      this.#changed = Promise.withResolvers<void>();
    }
  }
}

function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    // It has ended by itself.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The processes at the terminal of this `script`: the session that it began (proc(5), `stat`). */
async function startedBy(script: number): Promise<readonly number[]> {
  const running: { pid: number; parent: number; session: number }[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    // Empty where it has ended since.
    const stat = await Deno.readTextFile(`/proc/${name}/stat`).catch(() => "");
    const [parent = 0, , session = 0] = stat.split(") ").at(-1)!.split(" ").slice(1).map(Number);
    running.push({ pid: Number(name), parent, session });
  }
  const leaders = running.filter(({ parent }) => parent === script).map(({ pid }) => pid);
  return running.filter(({ session }) => leaders.includes(session)).map(({ pid }) => pid);
}

/** Starts a program at a new terminal. */
export async function openTerminal(options: TerminalOptions): Promise<Terminal> {
  const { columns = 80, rows = 24 } = options;
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-pty-" });
  const quoted = options.command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const inside = `tty >${folder}/tty; stty cols ${columns} rows ${rows}; ` +
    `exec ${quoted} ${options.redirect ?? ""}`;
  const process = new Deno.Command("script", {
    args: ["-qefc", inside, "/dev/null"],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
    env: { TERM: "xterm-256color", SHELL: "/bin/sh", ...options.env },
  }).spawn();
  return new Terminal(process, new Screen(columns, rows, options.reflows), folder);
}
