/** All tests of packages, in one module: each module would make them anew. */

import "./reproducible.ts";
import "./npm_package.ts";
import "./debian_package.ts";
import "./fresh_machines.ts";
import "./image.ts";
import "./recipes.ts";
