/** A room's links as a graph: its connected components, and the length of its shortest paths. */

/** By member: its neighbours, and the time a message takes to each. */
export type Graph = ReadonlyMap<number, readonly Edge[]>;

export interface Edge {
  readonly to: number;
  readonly ms: number;
}

/** Sizes of the connected components, the largest first; a connected room has one. */
export function partsOf<Member>(
  graph: ReadonlyMap<Member, readonly { readonly to: Member }[]>,
): readonly number[] {
  const seen = new Set<Member>();
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

/** The length of the longest of the shortest paths from `start`, in ms. */
export function farthestMs(graph: Graph, start: number): number {
  return new ShortestPaths(graph).farthestMs(start);
}

/** The longest of all shortest paths, in ms. */
export function diameterMs(graph: Graph): number {
  const paths = new ShortestPaths(graph);
  let longest = 0;
  for (const start of graph.keys()) longest = Math.max(longest, paths.farthestMs(start));
  return longest;
}

/** A graph in arrays, for speed: the diameter of a room of ten thousand members takes ten thousand searches. */
class ShortestPaths {
  readonly #places: ReadonlyMap<number, number>;
  /** By place: alternately the place of a neighbour and the whole milliseconds to it. */
  readonly #edges: readonly Int32Array[];

  constructor(graph: Graph) {
    this.#places = new Map([...graph.keys()].map((member, place) => [member, place]));
    this.#edges = [...graph.values()].map((edges) =>
      Int32Array.from(edges.flatMap(({ to, ms }) => [this.#places.get(to)!, Math.ceil(ms)]))
    );
  }

  /** The distance to the farthest member that can be reached (Dijkstra, 1959). */
  farthestMs(start: number): number {
    const reached = new Uint8Array(this.#edges.length);
    // Distances are sums of a few paths: buckets of a millisecond are exact enough, and need no heap.
    const buckets: number[][] = [[this.#places.get(start)!]];
    let farthest = 0;
    for (let ms = 0; ms < buckets.length; ms++) {
      for (const at of buckets[ms] ?? []) {
        if (reached[at] === 1) continue;
        reached[at] = 1;
        farthest = ms;
        const edges = this.#edges[at]!;
        for (let edge = 0; edge < edges.length; edge += 2) {
          const to = edges[edge]!;
          if (reached[to] === 0) (buckets[ms + edges[edge + 1]!] ??= []).push(to);
        }
      }
    }
    return farthest;
  }
}
