/** `--metrics`: measures a mode while it runs, and serves what was measured. */

import { type Endpoint, endpointText } from "../../base/ids.ts";
import { isLoopback } from "../../base/text/endpoints.ts";
import type { Disk } from "../../store/disk/disk.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { randomBytes } from "../session/random_bytes.ts";
import { VERSION } from "../session/version.ts";
import type { HttpRequest } from "../http/http_head_reader.ts";
import { AskedStatuses, type Statuses, type StatusHost } from "./asked_statuses.ts";
import { CONTENT_TYPES, expose, type Format, formatFor } from "./exposition.ts";
import { Fresh } from "./fresh.ts";
import { type HttpAnswer, plain } from "./http_messages.ts";
import { LinkFigures } from "./link_figures.ts";
import { MetricsServer } from "./metrics_server.ts";
import { ProgramFigures } from "./program_figures.ts";
import { type Family, Registry } from "./registry.ts";

/** A machine that runs, as far as it is measured. */
export interface MeteredHost extends StatusHost {
  /** What waits to be carried out, and in bytes what waits for connections that are full. */
  readonly waiting: { readonly effects: number; readonly backlogBytes: number };
}

/** Tells whoever has started the program. */
interface Told {
  notice(text: string): void;
  warn(text: string): void;
}

/** What each mode's answer to `/status` has. */
interface ModeStatus {
  readonly event: "status";
  readonly problems: readonly string[];
}

/** How often round trips are looked at. */
const ROUND_TRIPS_MS = 10_000;
/** Bytes of what no user can guess. */
const MARK_BYTES = 16;

const NOT_ANSWERING =
  "The program doesn't answer: it is very busy, or waits for its disk, or for whoever reads its output";

function tableOf(registry: Registry) {
  return {
    ready: registry.gauge("p2pchat_ready", "Whether people can come in now, as /ready says."),
    problems: registry.gauge("p2pchat_problems", "How many problems /status names in the program."),
    effects: registry.gauge(
      "p2pchat_queued_effects",
      "What is to be done once the disk has what comes before it.",
    ),
    backlog: registry.gauge(
      "p2pchat_backlog_bytes",
      "What waits for connections that take nothing more at the moment.",
      "bytes",
    ),
    bans: registry.counter(
      "p2pchat_bans",
      "How often somebody was shut out for breaking the rules.",
    ),
  };
}

export abstract class Metering<Status extends ModeStatus> {
  protected readonly registry = new Registry();
  #hosts: () => readonly MeteredHost[] = () => [];
  readonly #program: ProgramFigures;
  readonly #table: ReturnType<typeof tableOf>;
  readonly links: LinkFigures;
  readonly #statuses: AskedStatuses<Status>;
  /** The figures as text: thousands of lines of it a second would hold up the program that they tell of. */
  readonly #texts: Readonly<Record<Format, Fresh<Promise<string>>>>;
  #server: MetricsServer | null = null;
  /** Null once it was said where it is served. */
  #told: Told | null = null;
  #timer: { cancel(): void } | null = null;

  constructor() {
    this.#program = new ProgramFigures(this.registry, {
      clock: SYSTEM_LINK_CLOCK,
      startedMs: performance.timeOrigin,
      version: VERSION,
    });
    this.#table = tableOf(this.registry);
    this.links = new LinkFigures(this.registry);
    const mark = `metrics-${randomBytes(MARK_BYTES).toHex()}-`;
    this.#statuses = new AskedStatuses(mark, SYSTEM_LINK_CLOCK, () => this.#hosts());
    const textIn = (format: Format) => new Fresh(SYSTEM_LINK_CLOCK, () => this.#expose(format));
    this.#texts = { openmetrics: textIn("openmetrics"), text: textIn("text") };
    this.#lookLater();
  }

  /** All that is measured. */
  get families(): readonly Family[] {
    return this.registry.families;
  }

  /** Takes over what statuses say; without any, nothing of it is known. */
  protected abstract collect(statuses: readonly Status[]): void;

  /** Why nobody can come in, in a sentence without names; null: people can. */
  protected abstract unready(statuses: readonly Status[]): string | null;

  /**
   * Begins to serve what is measured.
   * @throws {P2pchatError} `port-in-use`; `unreachable` where it can't listen there for another reason.
   */
  serve(at: Endpoint, told: Told): void {
    this.#server = MetricsServer.open(at, (request) => this.#answer(request));
    this.#told = told;
  }

  /** Says once where it is served: after the program's first line, which others may wait for. */
  tell(): void {
    if (this.#told === null || this.#server === null) return;
    const { local } = this.#server;
    this.#told.notice(
      `Metrics are at http://${endpointText(local)}/metrics, with /health and /ready beside it`,
    );
    if (!isLoopback(local.host)) this.#told.warn(OPEN_TEXT);
    this.#told = null;
  }

  /** @param hosts Those that run at the moment. */
  measure(hosts: () => readonly MeteredHost[]): void {
    this.#hosts = hosts;
  }

  /** From now on the time that this disk takes is measured. */
  watch(disk: Disk): void {
    this.#program.watch(disk);
  }

  /** Somebody was shut out. */
  banned(): void {
    this.#table.bans.add();
  }

  /** Whether the event answers a question of ours, and isn't to be shown. */
  takes(event: Status | { readonly event: string }, ref: string | undefined): boolean {
    return this.#statuses.takes(event, ref);
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#program.stop();
    await this.#server?.close();
  }

  async #answer({ path, headers }: HttpRequest): Promise<HttpAnswer> {
    switch (path.split("?", 1)[0]) {
      case "/metrics": {
        const format = formatFor(headers.get("accept") ?? "");
        return { status: 200, type: CONTENT_TYPES[format], body: await this.#texts[format].get() };
      }
      case "/health":
        return plain(200, "The program lives");
      case "/ready": {
        const why = this.#unready(await this.#statuses.ask());
        return why === null ? plain(200, "People can come in") : plain(503, why);
      }
      default:
        return plain(404, "There are /metrics, /health and /ready");
    }
  }

  async #expose(format: Format): Promise<string> {
    this.#collect(await this.#statuses.ask());
    this.#program.collect(await processUse());
    return expose(this.families, format);
  }

  #unready({ answers, isWhole }: Statuses<Status>): string | null {
    return isWhole ? this.unready(answers) : NOT_ANSWERING;
  }

  #collect(statuses: Statuses<Status>): void {
    const { answers } = statuses;
    const { ready, problems, effects, backlog } = this.#table;
    const waiting = this.#hosts().map((host) => host.waiting);
    ready.value = this.#unready(statuses) === null ? 1 : 0;
    problems.value = sumOf(answers, (status) => status.problems.length);
    effects.value = sumOf(waiting, (each) => each.effects) ?? 0;
    backlog.value = sumOf(waiting, (each) => each.backlogBytes) ?? 0;
    this.collect(answers);
  }

  #lookLater(): void {
    this.#timer = SYSTEM_LINK_CLOCK.at(SYSTEM_LINK_CLOCK.nowMs() + ROUND_TRIPS_MS, () => {
      this.links.look();
      this.#lookLater();
    });
  }
}

const OPEN_TEXT =
  "The metrics can be read by whoever reaches that address: there are no secrets in them, and no names, but " +
  "anybody can see how busy you are; --metrics 127.0.0.1:PORT keeps them to this machine";

/** Null where there is nothing, of which nothing is known. */
export function sumOf<Item>(
  items: readonly Item[],
  value: (item: Item) => number,
): number | null {
  return items.length === 0 ? null : items.reduce((sum, item) => sum + value(item), 0);
}

async function processUse() {
  const { default: process } = await import("node:process"); // nothing else of the program needs it
  const { rss, heapUsed } = Deno.memoryUsage();
  const { user, system } = process.cpuUsage();
  return { residentBytes: rss, heapBytes: heapUsed, processorSeconds: (user + system) / 1e6 };
}
