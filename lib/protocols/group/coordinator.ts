/** The coordinator of a group. */

import type { Signer } from "../../base/crypto.ts";
import type { Environment } from "../../base/environment.ts";
import { fingerprintOf } from "../../base/fingerprint.ts";
import type { Machine } from "../../base/machine.ts";
import type { CoordinatorConfig, CoordinatorEffect, CoordinatorInput } from "./coordinator_io.ts";
import { CoordinatorOutput } from "./coordinator_output.ts";
import type { CoordinatorRecord } from "./records.ts";

export class Coordinator implements Machine<CoordinatorInput, CoordinatorEffect> {
  readonly #out = new CoordinatorOutput();

  constructor(
    readonly config: CoordinatorConfig,
    readonly signer: Signer,
    readonly environment: Environment,
  ) {}

  /** All that the log must hold, but for the history; null where that can't be said now. */
  snapshot(): Iterable<CoordinatorRecord> | null {
    return this.config.records;
  }

  step(input: CoordinatorInput, nowMs: number): readonly CoordinatorEffect[] {
    this.#out.begin(nowMs);
    if (input.type === "start") {
      this.#out.show({
        event: "ready",
        command: "serve",
        ...this.config.listening,
        key: fingerprintOf(this.signer.key),
        members: [],
      });
    }
    return this.#out.take();
  }

  nextDeadlineMs(): number | null {
    return null;
  }
}
