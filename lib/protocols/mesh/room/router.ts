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

/** What is done with the effects of this machine, but for those that are the same everywhere. */
type RoutingTable<Machines, Common extends string> = {
  readonly [Name in keyof Machines]: Handlers<
    Exclude<EffectsOf<Machines[Name]>, { readonly type: Common }>
  >;
};

export class Router<
  Machines extends { readonly [Name in keyof Machines]: Routed },
  Shared extends Typed = never,
> {
  readonly #names: readonly (keyof Machines)[];

  /**
   * @param machines Those that are due at once are served in this order.
   * @param shared What is done with effects that several machines have, and that mean the same from each.
   * @param step Gives a machine its input.
   */
  constructor(
    readonly machines: Machines,
    readonly table: RoutingTable<Machines, Shared["type"]>,
    readonly shared: Handlers<Shared>,
    readonly step: (machine: Routed, input: never) => readonly Typed[],
  ) {
    this.#names = Object.keys(machines) as (keyof Machines)[];
  }

  /** Gives a machine an input, and carries out what follows. */
  give<Name extends keyof Machines>(name: Name, input: InputOf<Machines[Name]>): void {
    // The compiler can't follow a type from an effect to its handler; that of the table has made sure of it.
    const own = this.table[name] as Handlers<Typed>;
    const shared = this.shared as Handlers<Typed>;
    for (const effect of this.step(this.machines[name], input as never)) {
      (own[effect.type] ?? shared[effect.type])!(effect);
    }
  }

  /** Gives a `tick`, as all machines with deadlines take, to those that are due when it is their turn. */
  tick(isDue: (machine: Routed) => boolean): void {
    for (const name of this.#names) {
      if (isDue(this.machines[name])) this.give(name, { type: "tick" } as never);
    }
  }
}
