import { assertEquals } from "@std/assert";
import { stolenBetween, withMeasured } from "./page.ts";
import { atLeast, atMost, judge, type Row } from "./row.ts";

const PAGE = `# Performance

<!-- generated: start -->
by hand
<!-- end generated: start -->

between

<!-- generated: idle -->
as it was
<!-- end generated: idle -->
`;

function row(what: string, given: Partial<Row>): Row {
  return { group: "start", what, unit: "ms", ours: [1], baseline: null, target: null, ...given };
}

Deno.test("withMeasured() writes the part that was measured, a table for each group, and leaves the rest", () => {
  const node = { name: "node", samples: [50, 60, 70] };
  const rows = [
    row("--version", { ours: [30, 35, 33], baseline: node, target: atMost(0.8) }),
    row("memory", { unit: "MiB", ours: [1_234], target: atMost(1_000, "value") }),
    row("work", { unit: "x", ours: [0.8], baseline: node, target: atMost(1.5, "value") }),
    row("appends", { unit: "/s", baseline: { name: "redis", missing: "make bench-deps" } }),
    row("alone", { ours: [], missing: "root of Linux", baseline: node, target: atMost(2) }),
    row("others", { group: "more", unit: "", baseline: node, target: atLeast(2) }),
  ];

  const page = withMeasured(PAGE, "start", rows.map(judge), {
    date: "2026-11-20",
    machine: "2 cores",
    load: 0.25,
    stolen: 0.042,
  });

  const heads =
    "| p2pchat | baseline | ratio | target | reached |\n| --- | --- | --- | --- | --- | --- |";
  assertEquals(
    page,
    `# Performance

<!-- generated: start -->
<!-- deno-fmt-ignore-start -->

Measured on 2026-11-20, 2 cores, load before it 0.3, 4 % of the processors' time withheld by the host.

| start ${heads}
| --version | 33 ms (30 to 35) | node: 60 ms (50 to 70) | 0.55 | at most 0.8 x | yes |
| memory | 1,234 MiB | - | - | at most 1,000 MiB | no |
| work | 0.8 x | node: 60 x (50 to 70) | 0.0133 | p2pchat at most 1.5 x | yes |
| appends | 1 /s | redis: missing (make bench-deps) | - | - | - |
| alone | missing (root of Linux) | node: 60 ms (50 to 70) | - | at most 2 x | - |

| more ${heads}
| others | 1 | node: 60 (50 to 70) | 0.0167 | at least 2 x | no |

<!-- deno-fmt-ignore-end -->
<!-- end generated: start -->

between

<!-- generated: idle -->
<!-- deno-fmt-ignore-start -->

as it was

<!-- deno-fmt-ignore-end -->
<!-- end generated: idle -->
`,
  );
});

Deno.test("what the host withheld is a share of all that the processors had meanwhile", () => {
  const before = [100, 0, 50, 1_000, 5, 0, 1, 20];
  const after = [160, 0, 70, 1_100, 5, 0, 1, 40];
  assertEquals(stolenBetween(before, after), 0.1);
  assertEquals(stolenBetween(null, null), null);
});
