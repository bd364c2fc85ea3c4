/**
 * Which of etcd's nodes answer: each is asked again and again, as requests go to one alone, and nobody would notice
 * that another one is down until that one fails as well.
 */

import type { Clock } from "../../base/machine/clock.ts";
import type { EngineNode } from "../../base/machine/engine_answers.ts";
import { countText } from "../../base/text/words.ts";
import type { EtcdGateway, NodeStatus } from "./etcd_gateway.ts";
import { placeOf } from "./node_states.ts";

/** How often each node is asked, ms. */
const ASKED_MS = 2_000;
/** A state is told once it has lasted for so long: a node that comes and goes is told of 12 times a minute at most. */
const TOLD_MS = 5_000;

/** Something that is told once it has lasted: whether it is well. */
class Told {
  #isWell = true;
  #told = true;
  #sinceMs = 0;

  constructor(readonly tell: (isWell: boolean) => void) {}

  is(isWell: boolean, nowMs: number): void {
    if (isWell !== this.#isWell) [this.#isWell, this.#sinceMs] = [isWell, nowMs];
    if (this.#told === this.#isWell || nowMs - this.#sinceMs < TOLD_MS) return;
    this.#told = this.#isWell;
    this.tell(this.#told);
  }
}

interface Node {
  readonly url: string;
  readonly told: Told;
  answeredAtMs: number;
  tookMs: number;
  status: NodeStatus | string;
}

interface NodeWatchPorts {
  readonly gateway: Pick<EtcdGateway, "probe">;
  readonly nodes: readonly string[];
  readonly clock: Clock;
  /** One line when a node goes, or returns. */
  tell(text: string, isTrouble: boolean): void;
}

export class NodeWatch {
  readonly #nodes: readonly Node[];
  readonly #quorum: Told;
  #timer: { cancel(): void } | null = null;
  #isOver = false;

  constructor(readonly ports: NodeWatchPorts) {
    const { nodes, clock, tell } = ports;
    this.#nodes = nodes.map((url) => ({
      url,
      told: new Told(() => this.#tellNode(url)),
      answeredAtMs: clock.nowMs(),
      tookMs: 0,
      status: { hasLeader: true, leads: false },
    }));
    this.#quorum = new Told((isWell) => {
      if (isWell) tell("The engine's nodes have a leader again", false);
      else tell(`The engine has no quorum: ${this.#countText}`, true);
    });
    void this.#ask();
  }

  get views(): readonly EngineNode[] {
    const nowMs = this.ports.clock.nowMs();
    return this.#nodes.map(({ url, answeredAtMs, tookMs, status }) => {
      const node = { address: placeOf(url), tookMs: Math.round(tookMs) };
      if (typeof status === "string") {
        const silentMs = Math.round(nowMs - answeredAtMs);
        return { ...node, answers: false, silentMs, reason: status };
      }
      return { ...node, answers: true, ...(status.leads ? { leads: true } : {}) };
    });
  }

  /** Whether some node knows a leader: without one nothing can be read or changed. */
  get #hasQuorum(): boolean {
    return this.#nodes.some(({ status }) => typeof status !== "string" && status.hasLeader);
  }

  close(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  async #ask(): Promise<void> {
    const { gateway, clock } = this.ports;
    const beganMs = clock.nowMs();
    await Promise.all(this.#nodes.map(async (node) => {
      node.status = await gateway.probe(node.url);
      if (typeof node.status === "string") return;
      node.answeredAtMs = clock.nowMs();
      node.tookMs = node.answeredAtMs - beganMs;
    }));
    if (this.#isOver) return;
    const nowMs = clock.nowMs();
    for (const { told, status } of this.#nodes) told.is(typeof status !== "string", nowMs);
    this.#quorum.is(this.#hasQuorum, nowMs);
    this.#timer = clock.at(beganMs + ASKED_MS, () => void this.#ask());
  }

  #tellNode(url: string): void {
    const { status } = this.#nodes.find((node) => node.url === url)!;
    const node = `The engine's node ${placeOf(url)}`;
    if (typeof status !== "string") this.ports.tell(`${node} answers again`, false);
    else this.ports.tell(`${node} is away: ${status}`, true);
  }

  get #countText(): string {
    const count = this.#nodes.filter(({ status }) => typeof status !== "string").length;
    const what = countText(this.#nodes.length, "node");
    return `${count} of ${what} ${count === 1 ? "answers" : "answer"}, more than half must`;
  }
}
