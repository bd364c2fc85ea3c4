// Each bug in how datagrams find their way is found behind routers that the group without it comes through.

import { type RouterRun, runBehindRouters } from "./group/router_runs.ts";
import { ROUTER_MUTATIONS } from "./group/router_mutations.ts";
import { hunt } from "./hunt.ts";

interface RouterHunt extends Pick<RouterRun, "routers" | "trouble" | "isCut"> {
  readonly name: keyof typeof ROUTER_MUTATIONS;
  readonly finding: RegExp;
}

const HUNTS: readonly RouterHunt[] = [
  {
    name: "keepsTheRelay",
    routers: ["open", "open"],
    trouble: false,
    isCut: true,
    finding: /by relay, not direct/,
  },
  {
    name: "tellsNobodyWhere",
    routers: ["cone", "cone"],
    trouble: false,
    finding: /by relay, not direct/,
  },
  {
    name: "relaysNothing",
    routers: ["symmetric", "symmetric"],
    trouble: false,
    finding: /./,
  },
  {
    name: "forgetsTheRelay",
    routers: ["shut", "open"],
    trouble: false,
    finding: /./,
  },
];

for (const { name, finding, ...given } of HUNTS) {
  const mutation = ROUTER_MUTATIONS[name];
  hunt({
    title: `a group that ${mutation.name} is found`,
    seedsMax: 20,
    finds: (seed) => {
      const run = { ...given, seed, steps: 10, loss: 0 };
      try {
        runBehindRouters({ ...run, mutation });
        return false;
      } catch (error) {
        const { message } = error as Error;
        if (!finding.test(message)) return message;
      }
      runBehindRouters(run);
      return true;
    },
  });
}
