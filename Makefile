# What each target does: make help
.POSIX:
.DEFAULT_GOAL = all
PREFIX = /usr/local
# Most of a simulated room lives on: a large nursery spares the collector the copying of it
SCALE_V8 = --max-old-space-size=12000,--min-semi-space-size=64,--max-semi-space-size=128
DENO = "$$(tools/find_deno.sh)"

all: ## build ./p2pchat, one standalone executable
	@tools/build.sh

help: ## what each target does
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1 \2/p' Makefile | while read -r target text; do \
	  printf '  make %-12s %s\n' "$$target" "$$text"; done

check: ## format, lint, types, and what lib and tests may weigh
	@$(DENO) fmt --check --quiet && $(DENO) lint --quiet && $(DENO) check --quiet main.ts lib tests tools packaging && $(DENO) run --quiet --no-check --allow-read tools/weight.ts

test: all ## the tests, but for those that take long: 6 minutes or so on two cores
	@tools/test.sh

test-all: all ## all tests, as .ci/run does: 16 minutes or so on two cores
	@tools/test.sh --all

quick: ## the pure tests, but for the slow ones, in a minute on two cores: ONLY=mesh
	@NO_COLOR=1 tools/quick.sh $(ONLY)

watch: ## make quick, again after each change: ONLY=mesh
	@NO_COLOR=1 tools/quick.sh $(ONLY) --watch

sim: ## the simulator: MODE=mesh|mesh-lies|friends|group|directory|lies|instances|group-instances|group-routers|transfer SEED=1 SEEDS=100 NODES=12 STEPS=400
	@$(DENO) run --quiet --allow-env --allow-run --allow-read tests/sim/main.ts

sim-long: ## the simulator's tests as make test-all runs them, but with more seeds, and each fault after each effect
	@NO_COLOR=1 $(DENO) test --quiet --no-check --frozen --parallel --reporter=dot tests/sim -- --long

e2e: all ## the built ./p2pchat, driven as a user does
	@$(DENO) test -A --quiet tests/e2e

engine-test: all ## what several machines keep together, with real nodes of etcd (Debian's etcd-server); longer than make test-all
	@$(DENO) test -A --quiet --no-check --frozen --reporter=dot $$(grep -rl --include='*_test.ts' 'HAS_ETCD' tests | sort) -- --long

model: ## docs/model, the models of the group, checked by SPIN: half an hour and more
	@tools/model.sh

fuzz: ## bytes that nobody would send, type or store: SECONDS=10 SEED=1 TARGET=codec,logs UPDATE=1
	@$(DENO) run --quiet --no-check --allow-sys --allow-env --allow-run \
	  --allow-read=tests/samples,tests/fuzz,build --allow-write=tests/fuzz/corpora,build tests/fuzz/main.ts

torture: all ## real programs on hosts of their own, in trouble: MODE=mesh MINUTES=20 SEED=1 CLOCKS=1 (Linux, root)
	@$(DENO) run --quiet --no-check -A tests/torture/main.ts

soak: all ## all modes, talking: what grows? MINUTES=30 MODE=mesh RATE=20 JSON=1 (Linux)
	@$(DENO) run --quiet --no-check -A tests/soak/main.ts

properties: ## property tests with values that no run had before: SEED=1
	@seed=$${SEED:-$$(date +%s)}; echo "SEED=$$seed"; \
	  $(DENO) test --quiet --no-check --parallel $$(grep -rl --include='*_test.ts' fast-check tests) -- "$$seed"

bench: all ## figures beside their baselines, into docs/performance.md too: ROWS=start,mesh JSON=1
	@$(DENO) run --quiet -A --no-lock --node-modules-dir=manual tests/bench/main.ts

bench-deps: ## installs from npm what the baselines of make bench need, and names what is missing
	@tools/bench_deps.sh

scale: ## the mesh with 1,000 members, in the simulator: MEMBERS=200 SEED=1 RUNS=small,tree,talk,failure JSON=1
	@$(DENO) run --quiet --no-check --allow-env --v8-flags=$(SCALE_V8) tests/bench/scale.ts

where: ## a log with the places of a fault in the sources, for those in the program: make where < LOG
	@$(DENO) run --quiet --no-check --allow-read=build tools/where.ts

traces: ## rewrite the golden traces
	@UPDATE=1 $(DENO) test --quiet -A tests/traces

fmt: ## format the sources
	@$(DENO) fmt --quiet

lint: ## lint the sources
	@$(DENO) lint --quiet

install: ## install below PREFIX (default /usr/local), with manual page and completions
	@tools/install.sh install "$(PREFIX)" "$(DESTDIR)"

uninstall: ## remove from PREFIX what make install put there
	@tools/install.sh uninstall "$(PREFIX)" "$(DESTDIR)"

npm: parts ## build/packages/p2pchat-VERSION.tgz, the package for npm
	@packaging/npm.sh

deb: parts ## the package for Debian, with units for the servers
	@packaging/deb.sh

oci: parts ## an image for containers that run the servers (Linux)
	@packaging/oci.sh

packaging: npm ## what Homebrew, Arch Linux and Nix install a release by: RELEASES=https://... HOMEPAGE=https://...
	@packaging/recipes.sh

# What packages are made of.
parts:
	@tools/build.sh parts

clean: ## remove what make built or fetched
	@rm -rf p2pchat build .deno coverage

.PHONY: all help check test test-all quick watch sim sim-long e2e engine-test model fuzz torture soak properties bench bench-deps scale where traces fmt lint install uninstall npm deb oci packaging parts clean
