/** What is measured of a mode's machine: the same in every mode, but for the words of its messages. */

import { dropOldest } from "../../base/collections/bounded.ts";
import { type ErrorCode, EXIT_STATUS_BY_CODE } from "../../base/errors.ts";
import type { Machine } from "../../base/machine/machine.ts";
import type { ModeInput } from "../../base/machine/mode_machine.ts";
import { type Label, label, type Registry, wordsOf } from "./registry.ts";

/** From a step that does nothing to one that holds everybody up. */
const STEPS = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];
/** From a quick SSD to a disk that is as good as gone. */
export const DISK_SECONDS = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10];

/** Stores that aren't answered yet: more are under way only while nothing is measured well. */
const STORING_MAX = 16_384;

/** What a program can be told to be wrong. */
const ERROR_CODES = label("code", wordsOf<ErrorCode>(ones(EXIT_STATUS_BY_CODE)));

function ones<Word extends string>(of: Readonly<Record<Word, unknown>>): Record<Word, 1> {
  return Object.fromEntries(Object.keys(of).map((word) => [word, 1])) as Record<Word, 1>;
}

/** The words of a mode's protocol. */
interface Words<Type extends string, Code extends string> {
  readonly types: Label<Type>;
  /** Why somebody is refused. */
  readonly codes: Label<Code>;
}

/** Made once; each machine has figures that count in it. */
export function machineTable<Type extends string, Code extends string>(
  registry: Registry,
  { types, codes }: Words<Type, Code>,
) {
  return {
    steps: registry.histogram(
      "p2pchat_step_duration_seconds",
      "Time for which the program thought about one thing that had happened.",
      STEPS,
    ),
    received: registry.counters(
      "p2pchat_messages_received",
      "Messages of the protocol that came, by type.",
      types,
    ),
    sent: registry.counters(
      "p2pchat_messages_sent",
      "Messages of the protocol that were sent, by type, one for each receiver.",
      types,
    ),
    unknown: registry.counter(
      "p2pchat_unknown_messages",
      "Messages of types that only a later version knows.",
    ),
    refusals: registry.counters(
      "p2pchat_refusals",
      "Requests of others that were refused, by code.",
      codes,
    ),
    errors: registry.counters(
      "p2pchat_errors",
      "Errors that the user or operator of this program was told of, by code.",
      ERROR_CODES,
    ),
    stores: registry.histogram(
      "p2pchat_store_duration_seconds",
      "Time until what others wait for was on the disk.",
      DISK_SECONDS,
    ),
    storeFailures: registry.counter(
      "p2pchat_store_failures",
      "How often the disk refused what was to be stored.",
    ),
  };
}

/** Is told what else goes into a machine, and what comes out, but for what is stored. */
interface Watching<Input, Effect> {
  input?(input: Input): void;
  effect(effect: Effect): void;
}

type MachineTable<Type extends string, Code extends string> = ReturnType<
  typeof machineTable<Type, Code>
>;

export class MachineFigures<Type extends string, Code extends string> {
  /** When what isn't stored yet was to be, by token. */
  readonly #storing = new Map<number, number>();

  /** @param nowMs A fine clock. */
  constructor(readonly table: MachineTable<Type, Code>, readonly nowMs: () => number) {}

  /** The machine, with all that it is given and gives shown to `watching`. */
  around<Input extends object, Effect extends { readonly type: string }>(
    machine: Machine<Input, Effect>,
    watching: Watching<Input, Effect>,
  ): Machine<Input, Effect> {
    return {
      step: (input, nowMs) => {
        const beganMs = this.nowMs();
        const effects = machine.step(input, nowMs);
        this.table.steps.observe((this.nowMs() - beganMs) / 1_000);
        this.#given(input as ModeInput<{ readonly type: Type }, unknown>);
        watching.input?.(input);
        for (const effect of effects) {
          if (effect.type === "persist") {
            this.#store((effect as unknown as { token: number | null }).token);
          }
          watching.effect(effect);
        }
        return effects;
      },
      nextDeadlineMs: () => machine.nextDeadlineMs(),
    };
  }

  /** Of what goes into machines of all modes, that which is measured. */
  #given(input: ModeInput<{ readonly type: Type }, unknown>): void {
    switch (input.type) {
      case "message":
        return this.table.received(input.message.type).add();
      case "unknown-message":
        return this.table.unknown.add();
      case "persisted":
        return this.#stored(input.token);
      case "persist-failed":
        return this.#notStored(input.token);
    }
  }

  sent(type: Type, receivers = 1): void {
    this.table.sent(type).add(receivers);
  }

  refused(code: Code): void {
    this.table.refusals(code).add();
  }

  failed(code: ErrorCode): void {
    this.table.errors(code).add();
  }

  #store(token: number | null): void {
    if (token === null) return;
    this.#storing.set(token, this.nowMs());
    dropOldest(this.#storing, STORING_MAX);
  }

  #stored(token: number): void {
    const beganMs = this.#storing.get(token);
    if (beganMs === undefined) return;
    this.#storing.delete(token);
    this.table.stores.observe((this.nowMs() - beganMs) / 1_000);
  }

  #notStored(token: number | null): void {
    if (token !== null) this.#storing.delete(token);
    this.table.storeFailures.add();
  }
}
