/** Figures as text, read by a reader of its own (`openmetrics.ts`). */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { expose, formatFor } from "../../../lib/cli/metrics/exposition.ts";
import { type Family, Gauge, label, Registry } from "../../../lib/cli/metrics/registry.ts";
import { readOpenMetrics, valueOf } from "./openmetrics.ts";

Deno.test("expose: each type, as OpenMetrics has it", () => {
  const registry = new Registry();
  registry.counter("p_read_bytes", "Bytes read.", "bytes").add(7);
  registry.gauges("p_members", "Members.", label("state", ["here", "gone"]))("gone").value = 2;
  const seconds = registry.histogram("p_wait_seconds", "Waits.", [0.5, 1]);
  for (const wait of [0.1, 0.5, 1.5]) seconds.observe(wait);

  assertEquals(
    expose(registry.families, "openmetrics"),
    `# TYPE p_read_bytes counter
# UNIT p_read_bytes bytes
# HELP p_read_bytes Bytes read.
p_read_bytes_total 7
# TYPE p_members gauge
# HELP p_members Members.
p_members{state="gone"} 2
# TYPE p_wait_seconds histogram
# UNIT p_wait_seconds seconds
# HELP p_wait_seconds Waits.
p_wait_seconds_bucket{le="0.5"} 2
p_wait_seconds_bucket{le="1.0"} 2
p_wait_seconds_bucket{le="+Inf"} 3
p_wait_seconds_count 3
p_wait_seconds_sum 2.1
# EOF
`,
  );
});

Deno.test("expose: the format before OpenMetrics calls a counter as its sample is, and knows no units", () => {
  const registry = new Registry();
  registry.counter("p_read_bytes", 'Bytes "read".', "bytes").add(7);

  assertEquals(
    expose(registry.families, "text"),
    `# TYPE p_read_bytes_total counter
# HELP p_read_bytes_total Bytes "read".
p_read_bytes_total 7
`,
  );
});

Deno.test("expose: what isn't known isn't told", () => {
  const registry = new Registry();
  registry.gauge("p_members", "Members.");

  assertEquals(expose(registry.families, "openmetrics"), "# EOF\n");
});

/** As no label of ours is: the text has to stay one line, and be read as it was, all the same. */
function familyOf(value: string, help: string): Family {
  const gauge = new Gauge();
  gauge.value = 1;
  const series = [[value, gauge]] as const;
  return { type: "gauge", name: "p_odd", help, unit: null, label: "of", series };
}

Deno.test("expose: quotes, line ends and backslashes come back as they were", () => {
  fc.assert(fc.property(
    fc.array(fc.constantFrom("\\", '"', "\n", "n", "}", ",", "=", "ä", " ")),
    fc.array(fc.constantFrom("\\", '"', "\n", "n", "#", " ")),
    (value, help) => {
      const [text, about] = [value.join(""), `${help.join("")}.`];
      const read = readOpenMetrics(expose([familyOf(text, about)], "openmetrics"));

      assertEquals(read.get("p_odd")?.samples[0]?.labels, { of: text });
      assertEquals(read.get("p_odd")?.help, about);
    },
  ));
});

Deno.test("expose: histograms are cumulative, and count all, whatever is measured", () => {
  const values = fc.array(fc.double({ min: 0, max: 100, noNaN: true }));
  fc.assert(fc.property(values, (measured) => {
    const registry = new Registry();
    const histogram = registry.histogram("p_wait_seconds", "Waits.", [0.001, 1, 2.5, 50]);
    for (const value of measured) histogram.observe(value);

    const read = readOpenMetrics(expose(registry.families, "openmetrics"));

    assertEquals(valueOf(read, "p_wait_seconds_count"), measured.length);
    for (const bound of [0.001, 1, 2.5, 50]) {
      const le = Number.isInteger(bound) ? `${bound}.0` : String(bound);
      assertEquals(
        valueOf(read, "p_wait_seconds_bucket", { le }),
        measured.filter((value) => value <= bound).length,
      );
    }
  }));
});

Deno.test("the reader refuses what a monitor would", () => {
  const faults: readonly (readonly [string, RegExp])[] = [
    ["# TYPE a gauge\n# HELP a A.\na 1\n", /EOF/],
    ["# TYPE a gauge\n# HELP a A.\na 1\na 1\n# EOF\n", /once/],
    ["# TYPE a counter\n# HELP a A.\na 1\n# EOF\n", /a in a/],
    ["# TYPE a gauge\n# HELP a A.\na x\n# EOF\n", /not a number/],
    ["a 1\n# EOF\n", /nothing describes/],
    [
      '# TYPE a histogram\n# HELP a A.\na_bucket{le="1.0"} 2\na_bucket{le="+Inf"} 1\na_count 1\na_sum 1\n# EOF\n',
      /cumulative/,
    ],
    [
      "# TYPE a gauge\n# HELP a A.\na 1\n# TYPE b gauge\n# HELP b B.\nb 1\n# TYPE a gauge\n# EOF\n",
      /twice/,
    ],
  ];
  for (const [text, fault] of faults) {
    const { message } = assertThrows(() => readOpenMetrics(text), Error);
    assertMatch(message, fault);
  }
});

Deno.test("formatFor: OpenMetrics, unless only the format before it is asked for", () => {
  const prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4";
  assertEquals(formatFor(prometheus), "openmetrics");
  assertEquals(formatFor("*/*"), "openmetrics");
  assertEquals(formatFor(""), "openmetrics");
  assertEquals(formatFor("text/plain;version=0.0.4;q=0.5,*/*;q=0.1"), "text");
  assertEquals(formatFor("text/html,application/xhtml+xml,*/*;q=0.8"), "text");
});
