/**
 * A program at a pseudo-terminal, as a person uses it: keys in, a screen out.
 *
 * The pseudo-terminal is that of `script` (util-linux), and `stty` sets its size. Tests wait for the screen to show
 * something, never for a fixed time.
 */

import { Screen } from "./screen.ts";

/** The longest wait for the screen to show something, also on a busy machine. */
const AWAIT_MS = 60_000;

export interface TerminalOptions {
  readonly command: readonly string[];
  readonly columns?: number;
  readonly rows?: number;
  /** Whether the terminal rewraps rows that become too wide; true by default, as for nearly all terminals. */
  readonly reflows?: boolean;
  /** The cells of a code point, for a terminal that knows no graphemes. */
  readonly pointWidth?: (character: string) => number;
  readonly env?: Readonly<Record<string, string>>;
  /** Appended to the shell command unchanged, for example `2>FILE`. */
  readonly redirect?: string;
}

/** Whether this machine has the programs that `openTerminal` needs. */
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

  /** Everything that the program wrote, including escape sequences. */
  get raw(): string {
    return this.#raw;
  }

  /** Sends keys as a terminal does. */
  async press(keys: string): Promise<void> {
    await this.#keys.write(new TextEncoder().encode(keys));
  }

  /** Waits until `holds` returns true. @throws With the screen's content, if it never does. */
  async until(
    what: string,
    holds: (screen: Screen) => boolean,
    withinMs = AWAIT_MS,
  ): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), withinMs);
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

  /** Waits for the row with the cursor; `|` stands for the cursor. */
  untilCursorLine(line: string): Promise<void> {
    return this.until(`the cursor line ${line}`, (screen) => screen.cursorLine === line);
  }

  /** Resizes the window. */
  async resize(columns: number, rows: number): Promise<void> {
    const device = (await Deno.readTextFile(`${this.#folder}/tty`)).trim();
    this.screen.resize(columns, rows);
    const args = ["-F", device, "cols", String(columns), "rows", String(rows)];
    await new Deno.Command("stty", { args }).output();
  }

  /** The output of `stty -a` for the terminal. */
  async settings(): Promise<string> {
    const device = (await Deno.readTextFile(`${this.#folder}/tty`)).trim();
    const { stdout } = await new Deno.Command("stty", { args: ["-F", device, "-a"] }).output();
    return new TextDecoder().decode(stdout);
  }

  /** Waits for the end. @returns The program's exit status. @throws With the screen's content, if it never ends. */
  async ended(): Promise<number> {
    let hasEnded = false;
    void this.#reading.then(() => {
      hasEnded = true;
      this.#hasChanged();
    });
    await this.until("the program's end", () => hasEnded);
    const { code } = await this.#process.status;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // `script` ends with the program. If `script` were killed first, the program would go on for a while, and might
    // write to folders that the test is removing.
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
      this.#hasChanged();
    }
  }

  #hasChanged(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    // The process has ended already.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The processes of the session that this `script` has started (proc(5), `stat`). */
async function startedBy(script: number): Promise<readonly number[]> {
  const running: { pid: number; parent: number; session: number }[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    // Empty if the process has ended meanwhile.
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
  const screen = new Screen(columns, rows, options.reflows, options.pointWidth);
  return new Terminal(process, screen, folder);
}
