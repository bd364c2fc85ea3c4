/** Measures a mode where `--metrics` is given; otherwise nothing for that is loaded. */

import type { Endpoint } from "../../base/ids.ts";
import type { Machine } from "../../base/machine/machine.ts";
import type { LinkObserver } from "../../transport/link.ts";
import type { ShownEvent } from "../rendering/user_interface.ts";
import { type Session, showNotices, warnBy } from "../session/mode_session.ts";
import type { Metering } from "./metering.ts";

interface Measuring<Input, Effect> {
  around(machine: Machine<Input, Effect>): Machine<Input, Effect>;
  banned(): void;
}

type AnyMetering = Pick<Metering<never>, "serve" | "watch" | "close">;

/** Of the options of links, what counts them. */
export function observing(
  metering: { readonly links: LinkObserver } | null,
): { readonly observer?: LinkObserver } {
  return metering === null ? {} : { observer: metering.links };
}

/** Of the ports of a host, what measures its machine. */
export function measuring<Input, Effect>(
  metering: Measuring<Input, Effect> | null,
): Partial<Measuring<Input, Effect>> {
  if (metering === null) return {};
  const { around, banned } = metering;
  return { around: around.bind(metering), banned: banned.bind(metering) };
}

/**
 * Runs `work`, and serves meanwhile what is measured of it.
 * @param at Where; null: nothing is measured.
 * @throws {P2pchatError} `port-in-use`, `unreachable`; what `work` throws.
 */
export async function withMetering<Mode extends AnyMetering, Event extends ShownEvent, Target>(
  at: Endpoint | null,
  load: () => Promise<Mode>,
  { disk, ui }: Pick<Session<Event, Target>, "disk" | "ui">,
  work: (metering: Mode | null) => Promise<void>,
): Promise<void> {
  if (at === null) return await work(null);
  const metering = await load();
  try {
    metering.serve(at, { notice: (text) => showNotices(ui, text), warn: warnBy(ui) });
    metering.watch(disk);
    await work(metering);
  } finally {
    await metering.close();
  }
}
