/** Instances of one directory over one engine, for tests. */

import type { Clock } from "../../../lib/base/machine/clock.ts";
import { foldName } from "../../../lib/base/text/names.ts";
import { EngineRegistrar } from "../../../lib/engine/directory/engine_registrar.ts";
import type { SharedStore } from "../../../lib/engine/shared_store.ts";

const WALL_MS = 1_790_000_000_000;

/** An instance with room for ten clients. @param accounts The versions of those that there are. */
export function openRegistrar(
  id: string,
  { store, prefix, clock, accounts, wallMs = () => WALL_MS }: {
    readonly store: SharedStore;
    readonly prefix: string;
    readonly clock: Clock;
    readonly accounts: Pick<ReadonlyMap<string, string>, "get">;
    readonly wallMs?: () => number;
  },
): Promise<EngineRegistrar> {
  return EngineRegistrar.open({
    ...{ store, prefix, clock },
    accounts: {
      unchanged: (name, version) => {
        const isSo = (accounts.get(foldName(name)) ?? null) === version;
        const condition = { key: `${prefix}accounts/${foldName(name)}`, is: "absent" } as const;
        return Promise.resolve(isSo ? { condition, created: 0 } : null);
      },
    },
    wallMs,
    instance: id,
    clientsMax: 10,
    version: "1",
  });
}

/** Counts what is asked of the store from now on. @returns Whether all of it is answered. */
export function idleOf(store: SharedStore): () => boolean {
  let asked = 0;
  const counted = <A extends unknown[], T>(ask: (...args: A) => Promise<T>) => (...args: A) => {
    asked++;
    return ask.apply(store, args).finally(() => asked--);
  };
  store.commit = counted(store.commit);
  store.get = counted(store.get);
  return () => asked === 0;
}
