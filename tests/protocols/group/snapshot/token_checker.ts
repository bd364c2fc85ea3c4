/**
 * What a snapshot of a token network must say, worked out from what happened alone: it knows nothing of markers.
 *
 * A cut is consistent where it contains, with each event, all that happened before it (Lamport, Time, Clocks, and the
 * Ordering of Events in a Distributed System, CACM 1978; Chandy and Lamport 1985, section 4).
 */

import {
  type Happening,
  type Parcel,
  type TokenNetwork,
  type TokenSnapshot,
} from "./token_network.ts";

type Clock = ReadonlyMap<string, number>;

/** For each event, how many events of each process happened before it or are it. */
function clocksOf(happened: readonly Happening[]): readonly Clock[] {
  const latest = new Map<string, Map<string, number>>();
  const sent = new Map<number, Clock>();
  return happened.map((event) => {
    const clock = new Map(latest.get(event.at));
    if (event.kind === "receives") {
      for (const [at, count] of sent.get(event.parcel.number)!) {
        clock.set(at, Math.max(clock.get(at) ?? 0, count));
      }
    }
    clock.set(event.at, (clock.get(event.at) ?? 0) + 1);
    latest.set(event.at, clock);
    if (event.kind === "sends") sent.set(event.parcel.number, clock);
    return clock;
  });
}

/** @param initial Tokens at the start. @returns What is wrong with it, in words; none where nothing is. */
export function faultsOf(
  network: TokenNetwork,
  initial: Readonly<Record<string, number>>,
  snapshot: number,
  { tokens, inFlight }: TokenSnapshot,
): readonly string[] {
  const { happened } = network;
  const faults: string[] = [];
  /** How many events of each process are in the cut. */
  const cut = new Map<string, number>();
  const counts = new Map<string, number>();
  for (const event of happened) {
    counts.set(event.at, (counts.get(event.at) ?? 0) + 1);
    if (event.kind === "records" && event.snapshot === snapshot && !cut.has(event.at)) {
      cut.set(event.at, counts.get(event.at)!);
    }
  }
  const clocks = clocksOf(happened);
  const state = new Map(Object.entries(initial));
  const under = new Map<number, { readonly parcel: Parcel; readonly from: string }>();
  const arrivesAt = new Map<number, string>();
  counts.clear();
  happened.forEach((event, index) => {
    counts.set(event.at, (counts.get(event.at) ?? 0) + 1);
    if (event.kind === "receives") arrivesAt.set(event.parcel.number, event.at);
    if (counts.get(event.at)! > (cut.get(event.at) ?? 0)) return;
    for (const [at, count] of clocks[index]!) {
      if (count > (cut.get(at) ?? 0)) faults.push(`${event.at} knows what ${at} did after the cut`);
    }
    if (event.kind === "records") return;
    const { at, kind, parcel } = event;
    state.set(at, state.get(at)! + (kind === "sends" ? -parcel.tokens : parcel.tokens));
    if (kind === "sends") under.set(parcel.number, { parcel, from: at });
    else under.delete(parcel.number);
  });
  for (const [at, held] of state) {
    if (tokens.get(at) !== held) faults.push(`${at} had ${held}, ${tokens.get(at)} is recorded`);
  }
  const expected = new Map<string, Parcel[]>();
  for (const [number, { parcel, from }] of under) {
    const name = `${from} ${arrivesAt.get(number)}`;
    expected.set(name, [...expected.get(name) ?? [], parcel]);
  }
  const numbers = (parcels: readonly Parcel[] = []) => parcels.map(({ number }) => number).join();
  for (const name of new Set([...expected.keys(), ...inFlight.keys()])) {
    const [were, recorded] = [numbers(expected.get(name)), numbers(inFlight.get(name))];
    if (were !== recorded) faults.push(`on ${name} were ${were}, ${recorded} are recorded`);
  }
  return faults;
}
