/** What a room's links are as a graph: parts that hang together, and how long its shortest paths are. */

/** By member: its neighbours, and how long a message takes to each. */
export type Graph = ReadonlyMap<number, readonly Edge[]>;

export interface Edge {
  readonly to: number;
  readonly ms: number;
}

/** Sizes of the parts, the largest first: one part is a connected room. */
export function partsOf(graph: Graph): readonly number[] {
  const seen = new Set<number>();
  const sizes: number[] = [];
  for (const start of graph.keys()) {
    if (seen.has(start)) continue;
    const before = seen.size;
    const stack = [start];
    seen.add(start);
    while (stack.length > 0) {
      for (const { to } of graph.get(stack.pop()!)!) {
        if (seen.has(to)) continue;
        seen.add(to);
        stack.push(to);
      }
    }
    sizes.push(seen.size - before);
  }
  return sizes.sort((a, b) => b - a);
}

/** The length of the longest of the shortest paths from `start`, in ms (Dijkstra, 1959). */
export function farthestMs(graph: Graph, start: number): number {
  const distances = new Map<number, number>();
  // Distances are sums of a few whole paths: buckets of a millisecond are exact enough, and need no heap.
  const buckets: number[][] = [[start]];
  let farthest = 0;
  for (let ms = 0; ms < buckets.length; ms++) {
    for (const at of buckets[ms] ?? []) {
      if (distances.has(at)) continue;
      distances.set(at, ms);
      farthest = ms;
      for (const { to, ms: more } of graph.get(at) ?? []) {
        if (!distances.has(to)) (buckets[ms + Math.ceil(more)] ??= []).push(to);
      }
    }
  }
  return farthest;
}

/** The longest of all shortest paths, in ms. */
export function diameterMs(graph: Graph): number {
  let longest = 0;
  for (const start of graph.keys()) longest = Math.max(longest, farthestMs(graph, start));
  return longest;
}
