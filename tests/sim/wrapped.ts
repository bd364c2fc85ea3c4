/** A machine around another: sees what goes in and what comes out, and may change either. */

import type { Machine } from "../../lib/base/machine.ts";

export class Wrapped<Input, Effect> implements Machine<Input, Effect> {
  constructor(readonly inner: Machine<Input, Effect>) {}

  /** What the machine is given instead of `input`; null for nothing. */
  input(input: Input, _nowMs: number): Input | null {
    return input;
  }

  /** What is carried out instead of `effects`, which answer `input`. */
  effects(effects: readonly Effect[], _input: Input, _nowMs: number): readonly Effect[] {
    return effects;
  }

  step(input: Input, nowMs: number): readonly Effect[] {
    const given = this.input(input, nowMs);
    return given === null ? [] : this.effects(this.inner.step(given, nowMs), given, nowMs);
  }

  nextDeadlineMs(): number | null {
    return this.inner.nextDeadlineMs();
  }
}

/** A write that the machine waits for, and the effect as one that nobody waits for. */
export interface Awaited<Input, Effect> {
  readonly answer: Input;
  readonly unawaited: Effect;
}

/** Takes writes for done when they are asked for: what should wait for them goes out before they are synced. */
export class SendsBeforeSync<Input, Effect> extends Wrapped<Input, Effect> {
  /** @param awaited Null for an effect that is carried out as it is. */
  constructor(
    inner: Machine<Input, Effect>,
    readonly awaited: (effect: Effect) => Awaited<Input, Effect> | null,
  ) {
    super(inner);
  }

  override effects(effects: readonly Effect[], input: Input, nowMs: number): readonly Effect[] {
    const late: Effect[] = [];
    const others: Effect[] = [];
    for (const effect of effects) {
      const awaited = this.awaited(effect);
      if (awaited === null) {
        others.push(effect);
        continue;
      }
      late.push(awaited.unawaited);
      others.push(...this.effects(this.inner.step(awaited.answer, nowMs), input, nowMs));
    }
    return [...others, ...late];
  }
}

/** Tells the user something else than the machine does. */
export class Tells<Input, Effect extends { readonly type: string }, Event>
  extends Wrapped<Input, Effect> {
  /** @param instead What is shown in the place of an event; null for nothing. */
  constructor(inner: Machine<Input, Effect>, readonly instead: (event: Event) => Event | null) {
    super(inner);
  }

  override effects(effects: readonly Effect[]): readonly Effect[] {
    return effects.flatMap((effect): readonly Effect[] => {
      if (effect.type !== "show") return [effect];
      const event = this.instead((effect as Effect & { readonly event: Event }).event);
      return event === null ? [] : [{ ...effect, event }];
    });
  }
}
