/**
 * Requests to etcd over its JSON gateway (etcd.io/docs, "gRPC gateway"), with `fetch` alone: which node is asked, how
 * long it may take, how this program shows who it is, and what its answers may look like.
 *
 * A node whose leader has died keeps a request for up to 7 s (5 s and two election timeouts) although another node
 * would answer sooner: an attempt gets one second, and the next node gets the same request.
 */

import type { Clock } from "../../base/machine/clock.ts";
import { delay } from "../delay.ts";
import { P2pchatError } from "../../base/errors.ts";
import type { EngineHealth, Entry } from "../shared_store.ts";

/** A JSON object as it came, unchecked. */
export type Json = Readonly<Record<string, unknown>>;

export interface EtcdOptions {
  /** Of the nodes, such as `http://10.0.0.1:2379`; at least one. */
  readonly nodes: readonly string[];
  readonly user: { readonly name: string; readonly password: string } | null;
  /** With the certificates for TLS; undefined: the runtime's own. */
  readonly client?: Deno.HttpClient;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** For tests; otherwise the runtime's own. */
  readonly fetch?: typeof fetch;
}

/** How long one node has to answer. */
const ATTEMPT_MS = 1_000;
/** How long a request is tried in all: longer than any election of etcd's, shorter than people wait. */
const REQUEST_MS = 10_000;
/** Between two rounds over all nodes, at least; twice as long at most, so that programs don't ask as one. */
const ROUND_PAUSE_MS = 50;
/** The longest answer: a page of the longest entries, in base64, and more. */
const ANSWER_CHARACTERS_MAX = 64 * 1024 * 1024;

/** gRPC's codes (grpc.github.io/grpc/core/md_doc_statuscodes.html), as the gateway passes them on. */
export const CODE = {
  invalidArgument: 3,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  unauthenticated: 16,
} as const;

/** Codes that say that this node can't answer now, so that another one is asked: 2, 4, 10, 13, 14. */
const OUTAGES: ReadonlySet<number> = new Set([2, 4, 10, 13, 14]);

/** The engine has answered: that it doesn't do what was asked. */
export class EtcdRefusal extends Error {
  override readonly name = "EtcdRefusal";
  constructor(readonly code: number, text: string) {
    super(text);
  }
}

/** Nothing, or nothing of use, came from a node. The message is part of a sentence. */
class Outage extends Error {
  override readonly name = "Outage";
}

export class EtcdGateway {
  /** Which node is asked next. */
  #at = 0;
  #token: string | null = null;
  #authenticating: Promise<void> | null = null;
  #health: EngineHealth;
  /** What ends each stream that is open, and its node. */
  readonly #streams = new Map<AbortController, string>();

  constructor(readonly options: EtcdOptions) {
    this.#at = Math.floor(options.random() * options.nodes.length);
    this.#health = {
      answeredAtMs: options.clock.nowMs(),
      tookMs: 0,
      trouble: "it wasn't asked yet",
    };
  }

  get health(): EngineHealth {
    return this.#health;
  }

  /** The node that is asked next. */
  get #node(): string {
    return this.options.nodes[this.#at % this.options.nodes.length]!;
  }

  /** Shows anew who it is at the next request. */
  forgetToken(): void {
    this.#token = null;
  }

  /**
   * Asks another node from now on, and ends the streams from this one: where a node is gone without a word, its answers
   * are missed within a second, and its streams are silent as they are where nothing changes.
   */
  #leave(node: string): void {
    if (node === this.#node) this.#at++; // otherwise it was left already
    for (const [end, of] of this.#streams) {
      if (of !== node) continue;
      this.#streams.delete(end);
      end.abort();
    }
  }

  /** Something is wrong with that stream, or its node. */
  leaveStream(end: AbortController): void {
    const node = this.#streams.get(end);
    if (node !== undefined) this.#leave(node);
  }

  /** The stream isn't read any more. */
  endStream(end: AbortController): void {
    this.#streams.delete(end);
    end.abort();
  }

  /**
   * Asks until there is an answer, at one node after the other: only for what may be asked twice.
   * @param read Takes what is needed from an answer.
   * @param missed Called for each attempt of which nothing was heard: it may have been carried out.
   * @throws {EtcdRefusal} What the engine says; {P2pchatError} `unreachable` after `REQUEST_MS`, `bad-credentials`.
   */
  async request<Answer>(
    path: string,
    body: Json,
    read: (answer: Json) => Answer,
    missed: () => void = () => {},
  ): Promise<Answer> {
    const { clock, nodes, random } = this.options;
    const endMs = clock.nowMs() + REQUEST_MS;
    let isNewToken = false;
    for (let attempt = 1;; attempt++) {
      const node = this.#node;
      try {
        if (this.options.user !== null && this.#token === null) await this.#authenticate();
        return await this.#ask(path, body, read);
      } catch (error) {
        if (error instanceof EtcdRefusal && isTokenRefused(error)) {
          if (this.options.user === null) throw userMissing(error);
          if (!isNewToken) {
            isNewToken = true;
            this.#token = null;
            continue;
          }
        }
        if (!(error instanceof Outage)) throw error;
        missed();
        this.#leave(node);
        if (clock.nowMs() >= endMs) throw unreachable(nodes, error.message);
        if (attempt % nodes.length === 0) await this.pause(ROUND_PAUSE_MS * (1 + random()));
      }
    }
  }

  /**
   * The bytes of an answer that goes on, by one attempt. @param end Ends it, also where its node is left. The caller calls
   * `endStream` at last. @throws As `request`, and `Outage`.
   */
  async stream(
    path: string,
    body: Json,
    end: AbortController,
  ): Promise<ReadableStream<Uint8Array>> {
    if (this.options.user !== null && this.#token === null) await this.#authenticate();
    this.#streams.set(end, this.#node);
    const response = await this.#fetch(path, body, end.signal);
    if (response.ok && response.body !== null) return response.body;
    const refusal = refusalIn(await answerIn(response));
    if (isTokenRefused(refusal)) {
      if (this.options.user === null) throw userMissing(refusal);
      this.#token = null;
    }
    throw refusal;
  }

  /** @throws {P2pchatError} `bad-credentials`; Outage. */
  async #authenticate(): Promise<void> {
    this.#authenticating ??= this.#newToken().finally(() => this.#authenticating = null);
    await this.#authenticating;
  }

  async #newToken(): Promise<void> {
    const user = this.options.user!;
    try {
      this.#token = await this.#ask(
        "/v3/auth/authenticate",
        { ...user },
        (answer) => textIn(answer, "token"),
      );
    } catch (error) {
      if (!(error instanceof EtcdRefusal)) throw error;
      const text =
        `Cannot use the engine as ${user.name}: ${error.message}; check --engine-user and ` +
        "--engine-password-file";
      throw new P2pchatError("bad-credentials", text, { cause: error });
    }
  }

  /** One attempt at the present node. */
  async #ask<Answer>(path: string, body: Json, read: (answer: Json) => Answer): Promise<Answer> {
    const { clock } = this.options;
    const beganMs = clock.nowMs();
    const end = new AbortController();
    const timer = clock.at(beganMs + ATTEMPT_MS, () => end.abort());
    try {
      const response = await this.#fetch(path, body, end.signal);
      const answer = await answerIn(response);
      if (!response.ok) {
        const refusal = refusalIn(answer);
        if (OUTAGES.has(refusal.code) || isBusy(refusal)) throw new Outage(refusal.message);
        this.#answered(beganMs);
        throw refusal;
      }
      const seen = read(answer);
      this.#answered(beganMs);
      return seen;
    } catch (error) {
      if (!(error instanceof Outage)) throw error;
      this.#health = { ...this.#health, trouble: error.message };
      throw error;
    } finally {
      timer.cancel();
    }
  }

  #answered(beganMs: number): void {
    const nowMs = this.options.clock.nowMs();
    this.#health = { answeredAtMs: nowMs, tookMs: nowMs - beganMs, trouble: null };
  }

  async #fetch(path: string, body: Json, signal: AbortSignal): Promise<Response> {
    const { client, fetch: send = fetch } = this.options;
    try {
      return await send(this.#node + path, {
        method: "POST",
        body: JSON.stringify(body),
        signal,
        redirect: "error",
        headers: this.#token === null ? {} : { authorization: this.#token },
        ...(client === undefined ? {} : { client }),
      });
    } catch (error) {
      throw new Outage(outageText(error, this.#node));
    }
  }

  /** Resolves after so long. */
  pause(ms: number): Promise<void> {
    return delay(this.options.clock, ms);
  }
}

/** Whether the token is too old, or of before the rights were changed, or none was sent. */
function isTokenRefused({ code, message }: EtcdRefusal): boolean {
  return code === CODE.unauthenticated ||
    (code === CODE.invalidArgument && /user name is empty|auth store is old/.test(message));
}

/** Whether this node has too much to do: another one, or it a moment later, may do it. */
function isBusy({ code, message }: EtcdRefusal): boolean {
  return code === CODE.resourceExhausted && message.includes("too many requests");
}

function unreachable(nodes: readonly string[], why: string): P2pchatError {
  const places = nodes.map(placeOf).join(" or ");
  return new P2pchatError(
    "unreachable",
    `Cannot reach the engine at ${places}: ${why}; check that etcd runs there`,
  );
}

function userMissing(cause: EtcdRefusal): P2pchatError {
  const text = "Cannot use the engine: it takes nobody without a name; give --engine-user and " +
    "--engine-password-file";
  return new P2pchatError("bad-credentials", text, { cause });
}

/** A node as people write it: `10.0.0.1:2379`. */
function placeOf(node: string): string {
  return node.replace(/^https?:\/\//, "");
}

function outageText(error: unknown, node: string): string {
  if (error instanceof DOMException) return `${placeOf(node)} doesn't answer`; // its `code` is none of gRPC's
  const cause = error instanceof Error ? error.cause ?? error : error;
  const text = cause instanceof Error ? cause.message : String(cause);
  // `fetch` says behind what it did why it failed: `error sending request for url (…): client error (Connect): …`.
  return `${placeOf(node)}: ${text.replace(/^.*client error \(\w+\): /, "")}`;
}

/** @throws {Outage} Where it is no JSON object: some nodes' proxies answer in words. */
async function answerIn(response: Response): Promise<Json> {
  let text: string;
  try {
    const decoder = new TextDecoder();
    text = "";
    for await (const bytes of response.body ?? []) {
      text += decoder.decode(bytes, { stream: true });
      if (text.length > ANSWER_CHARACTERS_MAX) {
        throw new Outage("it answers with more than can be read");
      }
    }
  } catch (error) {
    if (error instanceof Outage) throw error;
    throw new Outage("its answer breaks off");
  }
  return parsedJson(text);
}

/** @throws {Outage} */
export function parsedJson(text: string): Json {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = null;
  }
  if (isObject(json)) return json;
  throw new Outage("what answers there isn't etcd's gateway");
}

function isObject(json: unknown): json is Json {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function refusalIn(answer: Json): EtcdRefusal {
  const { code, message, error } = answer;
  const text = typeof message === "string"
    ? message
    : typeof error === "string"
    ? error
    : "no reason";
  return new EtcdRefusal(typeof code === "number" ? code : 2, text.replace(/^etcdserver: /, ""));
}

// Fields of answers. The gateway leaves out those that are zero, false or empty, and writes 64-bit numbers as texts.

export function objectIn(json: Json, field: string): Json {
  const value = json[field] ?? {};
  if (isObject(value)) return value;
  throw new Outage(`its answer has an odd ${field}`);
}

export function listIn(json: Json, field: string): readonly Json[] {
  const value = json[field] ?? [];
  if (Array.isArray(value) && value.every(isObject)) return value;
  throw new Outage(`its answer has an odd ${field}`);
}

export function textIn(json: Json, field: string): string {
  const value = json[field] ?? "";
  if (typeof value === "string") return value;
  throw new Outage(`its answer has an odd ${field}`);
}

/** A whole number, 0 where it is left out. */
export function countIn(json: Json, field: string): number {
  const number = Number(json[field] ?? 0);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new Outage(`its answer has an odd ${field}`);
}

/** Others may have put there what is no text: whoever reads it finds U+FFFD in it, and names the key. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A key or value, which the gateway writes in base64. */
export function decodedIn(json: Json, field: string): string {
  try {
    return decoder.decode(Uint8Array.fromBase64(textIn(json, field)));
  } catch {
    throw new Outage(`its answer has an odd ${field}`);
  }
}

export function entryIn(kv: Json): Entry {
  const lease = textIn(kv, "lease");
  return {
    key: decodedIn(kv, "key"),
    value: decodedIn(kv, "value"),
    modified: countIn(kv, "mod_revision"),
    created: countIn(kv, "create_revision"),
    lease: lease === "" || lease === "0" ? null : lease,
  };
}

export function isOutage(error: unknown): boolean {
  return error instanceof Outage;
}
