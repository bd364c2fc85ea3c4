/** Wraps a machine: observes its inputs and effects, and may change either. */

import type { Machine } from "../../lib/base/machine/machine.ts";

export class Wrapped<Input, Effect> implements Machine<Input, Effect> {
  constructor(readonly inner: Machine<Input, Effect>) {}

  /** The input to pass on instead of `input`; null for none. */
  input(input: Input, _nowMs: number): Input | null {
    return input;
  }

  /** The effects to perform instead of `effects`, the machine's response to `input`. */
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

/** The input that acknowledges a write, and the effect as one that needs no acknowledgement. */
export interface Awaited<Input, Effect> {
  readonly answer: Input;
  readonly unawaited: Effect;
}

/** Acknowledges writes at once, so that effects that should wait for the sync happen before it. */
export class SendsBeforeSync<Input, Effect> extends Wrapped<Input, Effect> {
  /** @param awaited Null for an effect to leave as it is. */
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

/** Changes the events that the user is shown. */
export class Tells<Input, Effect extends { readonly type: string }, Event>
  extends Wrapped<Input, Effect> {
  /** @param instead Returns the event to show instead; null for none. */
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
