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
import type { EngineHealth } from "../shared_store.ts";
import { answerIn, type Json, objectIn, Outage, textIn } from "./gateway_answers.ts";
import { NodeCluster } from "./node_cluster.ts";
import { fetchTrouble, NodeStates } from "./node_states.ts";

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

/** gRPC's codes (grpc.github.io/grpc/core/md_doc_statuscodes.html), as the gateway passes them on. */
export const CODE = {
  invalidArgument: 3,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  outOfRange: 11,
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

export class EtcdGateway {
  /** Which node is asked next. */
  #at = 0;
  #token: string | null = null;
  #authenticating: Promise<void> | null = null;
  #answer: Pick<EngineHealth, "answeredAtMs" | "tookMs">;
  /** Whether the last request wasn't answered; null: nothing was asked yet. */
  #isTroubled: boolean | null = null;
  readonly states: NodeStates;
  readonly #cluster = new NodeCluster();
  /** What ends each stream that is open, and its node. */
  readonly #streams = new Map<AbortController, string>();

  constructor(readonly options: EtcdOptions) {
    this.#at = Math.floor(options.random() * options.nodes.length);
    this.states = new NodeStates(options.nodes);
    this.#answer = { answeredAtMs: options.clock.nowMs(), tookMs: 0 };
  }

  get health(): EngineHealth {
    const trouble = this.#isTroubled === null
      ? "it wasn't asked yet"
      : this.#isTroubled
      ? this.states.troubles
      : null;
    return { ...this.#answer, trouble };
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

  /** Nothing is written to a node before it is known to be of the cluster. @throws {Outage} It isn't, or doesn't answer. */
  async #meet(node: string): Promise<void> {
    const status = await this.probe(node);
    if (typeof status === "string") throw new Outage(status);
  }

  /** What came on that stream. @throws {Outage} Where its node is of another cluster. */
  checkStream(end: AbortController, result: Json): void {
    const node = this.#streams.get(end);
    if (node !== undefined) this.#cluster.check(node, result);
  }

  /** The stream isn't read any more. */
  endStream(end: AbortController): void {
    this.#streams.delete(end);
    end.abort();
  }

  /**
   * Asks until there is an answer, at one node after the other: only for what may be asked twice.
   * @param body What is asked; as a function, called for each attempt.
   * @param read Takes what is needed from an answer.
   * @param missed Called for each attempt of which nothing was heard: it may have been carried out.
   * @param triedMs For how long it is tried.
   * @throws {EtcdRefusal} What the engine says; {P2pchatError} `unreachable` after that time, `bad-credentials`.
   */
  async request<Answer>(
    path: string,
    body: Json | (() => Json),
    read: (answer: Json) => Answer,
    missed: () => void = () => {},
    triedMs = REQUEST_MS,
  ): Promise<Answer> {
    const { clock, nodes, random } = this.options;
    const endMs = clock.nowMs() + triedMs;
    let isNewToken = false;
    for (let attempt = 1;; attempt++) {
      const node = this.#node;
      const beganMs = clock.nowMs();
      try {
        if (this.options.user !== null && this.#token === null) await this.#authenticate();
        const asked = typeof body === "function" ? body() : body;
        if (this.#cluster.isUnknown(node)) await this.#meet(node);
        const answer = await this.#ask(node, path, asked, read);
        this.#answered(beganMs);
        return answer;
      } catch (error) {
        if (error instanceof EtcdRefusal && isTokenRefused(error)) {
          if (this.options.user === null) throw userMissing(error);
          if (!isNewToken) {
            isNewToken = true;
            this.#token = null;
            continue;
          }
        }
        if (error instanceof EtcdRefusal) this.#answered(beganMs);
        if (!(error instanceof Outage)) throw error;
        this.#isTroubled = true;
        missed();
        this.#leave(node);
        if (clock.nowMs() >= endMs) throw await this.#unreachable();
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
    const node = this.#node;
    this.#streams.set(end, node);
    const response = await this.#fetch(node, path, body, end.signal);
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
        this.#node,
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

  async #unreachable(): Promise<P2pchatError> {
    await Promise.all(this.options.nodes.map((node) => this.probe(node)));
    const { troubles, advice } = this.states;
    return new P2pchatError("unreachable", `Cannot reach the engine at ${troubles}; ${advice}`);
  }

  /**
   * Asks all nodes once: those that answer must be of one cluster, as what is written to one of several isn't in the others.
   * @throws {P2pchatError} `usage`, otherwise.
   */
  async compareNodes(): Promise<void> {
    const { nodes } = this.options;
    if (nodes.length > 1) await Promise.all(nodes.map((node) => this.probe(node)));
    const { trouble } = this.#cluster;
    if (trouble !== null) throw new P2pchatError("usage", `Cannot use the engine: ${trouble}`);
  }

  /** Asks this node alone how it is, with one attempt. @returns Or why it doesn't answer, part of a sentence. */
  async probe(node: string): Promise<NodeStatus | string> {
    try {
      const status = await this.#ask(node, "/v3/maintenance/status", {}, statusIn);
      this.states.said(node, status);
      return status;
    } catch (error) {
      // That it isn't to be asked by this user is an answer as well.
      if (error instanceof EtcdRefusal) return { hasLeader: true, leads: false };
      if (!(error instanceof Outage)) throw error;
      this.states.said(node, null);
      return error.message;
    }
  }

  /** One attempt at that node. */
  async #ask<Answer>(
    node: string,
    path: string,
    body: Json,
    read: (answer: Json) => Answer,
  ): Promise<Answer> {
    const { clock } = this.options;
    const end = new AbortController();
    const timer = clock.at(clock.nowMs() + ATTEMPT_MS, () => end.abort());
    try {
      const response = await this.#fetch(node, path, body, end.signal);
      const answer = await answerIn(response).catch(async (error) => {
        if (response.status === 404) await this.#refuseOld(node, end.signal);
        throw error;
      });
      if (!response.ok) {
        const refusal = refusalIn(answer);
        if (OUTAGES.has(refusal.code) || isBusy(refusal)) throw new Outage(refusal.message);
        this.states.answered(node);
        throw refusal;
      }
      this.#cluster.check(node, answer);
      const seen = read(answer);
      this.states.answered(node);
      return seen;
    } catch (error) {
      if (!(error instanceof Outage)) throw error;
      this.states.failed(node, error.message);
      throw error;
    } finally {
      timer.cancel();
    }
  }

  /** Where a path isn't there: it may be an etcd of before the first whose gateway has `/v3`. */
  async #refuseOld(node: string, signal: AbortSignal): Promise<void> {
    const version = this.#fetch(node, "/version", null, signal);
    const { etcdserver }: Json = await version.then(answerIn).catch(() => ({}));
    const [, old] = /^([0-2]\.\d+|3\.[0-3])\./.exec(String(etcdserver)) ?? [];
    if (old === undefined) return;
    const text =
      `Cannot use the engine: ${new URL(node).host} is etcd ${old}, and 3.4 is the first ` +
      "that has what is needed; update it";
    throw new P2pchatError("version", text);
  }

  #answered(beganMs: number): void {
    const nowMs = this.options.clock.nowMs();
    this.#answer = { answeredAtMs: nowMs, tookMs: nowMs - beganMs };
    this.#isTroubled = false;
  }

  /** @param body Null where something is only looked at. */
  async #fetch(
    node: string,
    path: string,
    body: Json | null,
    signal: AbortSignal,
  ): Promise<Response> {
    const { client, fetch: send = fetch } = this.options;
    try {
      return await send(node + path, {
        ...(body === null ? { method: "GET" } : { method: "POST", body: JSON.stringify(body) }),
        signal,
        redirect: "error",
        headers: this.#token === null ? {} : { authorization: this.#token },
        ...(client === undefined ? {} : { client }),
      });
    } catch (error) {
      throw new Outage(fetchTrouble(error, node));
    }
  }

  /** Resolves after so long. */
  pause(ms: number): Promise<void> {
    return delay(this.options.clock, ms);
  }
}

/** What a node says of itself. */
export interface NodeStatus {
  readonly hasLeader: boolean;
  /** Whether it leads etcd's nodes. */
  readonly leads: boolean;
}

function statusIn(answer: Json): NodeStatus {
  const leader = textIn(answer, "leader");
  const hasLeader = leader !== "" && leader !== "0";
  return {
    hasLeader,
    leads: hasLeader && leader === textIn(objectIn(answer, "header"), "member_id"),
  };
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

function userMissing(cause: EtcdRefusal): P2pchatError {
  const text = "Cannot use the engine: it takes nobody without a name; give --engine-user and " +
    "--engine-password-file";
  return new P2pchatError("bad-credentials", text, { cause });
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
