/**
 * Routes the effects of machines that are put together. A table has a handler for each type of effect of each machine:
 * the compiler names those that are missing. What a handler gives to other machines is carried out at once, with all that
 * follows from it, before the next effect.
 */

import type { Machine } from "../../../base/machine/machine.ts";

interface Typed {
  readonly type: string;
}

type Routed = Machine<never, Typed>;

/** The inputs of a machine. */
type InputOf<One> = One extends Machine<infer Input, Typed> ? Input : never;

type EffectsOf<One> = One extends Machine<never, infer Effect extends Typed> ? Effect : never;

/** What is done with each type of a machine's effects, or of its inputs. */
export type Handlers<Effect extends Typed> = {
  readonly [Type in Effect["type"]]: (effect: Extract<Effect, { readonly type: Type }>) => void;
};

/** Does what is to be done with one of them. */
export function handle<Effect extends Typed>(handlers: Handlers<Effect>, effect: Effect): void {
  // The compiler can't follow a type from an effect to its handler; that of the table has made sure of it.
  const handler = handlers[effect.type as Effect["type"]] as (effect: Effect) => void;
  handler(effect);
}

type RoutingTable<Machines> = {
  readonly [Name in keyof Machines]: Handlers<EffectsOf<Machines[Name]>>;
};

export class Router<Machines extends { readonly [Name in keyof Machines]: Routed }> {
  readonly #names: readonly (keyof Machines)[];

  /**
   * @param machines Those that are due at once are served in this order.
   * @param step Gives a machine its input.
   */
  constructor(
    readonly machines: Machines,
    readonly table: RoutingTable<Machines>,
    readonly step: (machine: Routed, input: never) => readonly Typed[],
  ) {
    this.#names = Object.keys(machines) as (keyof Machines)[];
  }

  /** Gives a machine an input, and carries out what follows. */
  give<Name extends keyof Machines>(name: Name, input: InputOf<Machines[Name]>): void {
    const handlers = this.table[name];
    for (const effect of this.step(this.machines[name], input as never)) {
      handle(handlers as Handlers<Typed>, effect);
    }
  }

  /** Gives a `tick`, as all machines with deadlines take, to those that are due when it is their turn. */
  tick(isDue: (machine: Routed) => boolean): void {
    for (const name of this.#names) {
      if (isDue(this.machines[name])) this.give(name, { type: "tick" } as never);
    }
  }
}
