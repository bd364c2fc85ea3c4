/** What the operator of an instance is told of the engine's nodes. */

import type { EngineAnswers } from "../../base/machine/engine_answers.ts";
import type { EtcdStore } from "../../engine/etcd/etcd_store.ts";
import type { NodeWatch } from "../../engine/etcd/node_watch.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";

/** Shows one line. */
interface Told {
  notice(text: string): void;
  warn(text: string): void;
}

export class EngineNodes {
  readonly #watch: NodeWatch;

  constructor(readonly store: EtcdStore, { notice, warn }: Told) {
    this.#watch = store.watchNodes((text, isTrouble) => isTrouble ? warn(text) : notice(text));
  }

  /** For a status. @param trouble Why the instance can't do there what it has to, in a sentence; null: it can. */
  answers(trouble: string | null): EngineAnswers {
    const { answeredAtMs, tookMs, trouble: silence } = this.store.health;
    return {
      answers: silence === null,
      answeredMs: Math.round(SYSTEM_LINK_CLOCK.nowMs() - answeredAtMs),
      tookMs: Math.round(tookMs),
      ...(trouble === null ? {} : { trouble }),
      nodes: this.#watch.views,
    };
  }

  close(): void {
    this.#watch.close();
  }
}
