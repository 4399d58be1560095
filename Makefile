# Thin face of meson. Every target first installs what is missing (tools/setup), so that each works
# on a bare Debian 12; a second run starts at once.
BUILD = build
SOURCES = find src tests examples \( -name '*.c' -o -name '*.h' \) -print

.PHONY: help setup build all demo check check-ci check-long bench sim sim-bugs crash fault fuzz abuse soak asan tsan generated format clean

help:
	@echo 'make demo       a distributor'"'"'s day runs through the hub, in under a minute'
	@echo 'make build      build/crossdock and build/crossdock-sim'
	@echo 'make check      formatting, layers, unit, contract, golden and end-to-end tests'
	@echo 'make bench      speed beside its own floor, one JSON object a line'
	@echo 'make sim        simulation with random seeds on all cores for MINUTES=n'
	@echo 'make sim-bugs   planted bugs, one at a time: the simulation must catch each'
	@echo 'make crash      kill -9 under load, KILLS=n SEED=n, then compare both ledgers'
	@echo 'make fault      failing disks, no memory, no descriptors: the long version'
	@echo 'make fuzz       lists the fuzz targets; T=name|all SECS=n fuzzes under sanitizers'
	@echo 'make abuse      hostile clients and systems around a real hub; those that behave are measured'
	@echo 'make soak       steady load for MINUTES=n, watched for growth'
	@echo 'make check-ci   check, sanitizers, planted bugs, each fuzz target for 30 s'
	@echo 'make check-long all of that, and what measures latency: abuse, soak'
	@echo 'make asan       unit tests under the address and undefined-behaviour sanitizers'
	@echo 'make tsan       threaded parts under the thread sanitizer'
	@echo 'make generated  files made from tables: docs/configuration.md, schemas/'
	@echo 'make format     lay out all sources'
	@echo 'make clean      remove build folders'

setup:
	@tools/setup

$(BUILD)/build.ninja: | setup
	@mkdir -p $(BUILD)
	@meson setup $(BUILD) >$(BUILD)/setup.log 2>&1 || { cat $(BUILD)/setup.log; exit 1; }

build: setup $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet crossdock crossdock-sim

# Everything: tests, examples and benches too.
all: setup $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

demo: build
	@examples/demo/run

check: setup
	@tools/check

# What continuous integration runs: check, sanitizers, the planted bugs, each fuzz target for 30 s.
check-ci: setup
	@tools/check ci

# Everything, on a quiet machine.
check-long: setup
	@tools/check long

bench: all
	@tests/bench/run

sim: setup $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet crossdock-simtest
	@BUILD=$(BUILD) tests/sim/run

sim-bugs: setup
	@[ -f $(BUILD)-bugs/build.ninja ] || meson setup $(BUILD)-bugs -Dplanted_bugs=true >/dev/null
	@ninja -C $(BUILD)-bugs --quiet crossdock-simtest
	@$(BUILD)-bugs/crossdock-simtest --bugs

crash: build
	@ninja -C $(BUILD) --quiet tests/crash/kill_points.so
	@BUILD=$(BUILD) tests/crash/run

# Disks that fail, memory and descriptors that run out: the long version.
fault: all
	@BUILD=$(BUILD) tests/fault/run $(T)

asan: setup
	@BUILD=$(BUILD)-asan tests/asan

tsan: setup
	@BUILD=$(BUILD)-tsan tests/tsan

fuzz: setup
	@BUILD=$(BUILD)-fuzz tests/fuzz/run

abuse: build
	@ninja -C $(BUILD) --quiet tests/abuse/abuse
	@CROSSDOCK=$(BUILD)/crossdock BENCH_SCRATCH=$(BUILD) $(BUILD)/tests/abuse/abuse $(T)

soak: build
	@BUILD=$(BUILD) tests/soak/run

generated: build
	@ninja -C $(BUILD) --quiet src/canon/canon_files
	@$(BUILD)/crossdock help config >docs/configuration.md
	@$(BUILD)/crossdock schema config >schemas/crossdock.yaml.json
	@$(BUILD)/src/canon/canon_files .

format: setup
	@$(SOURCES) | xargs clang-format -i

clean:
	rm -rf $(BUILD) $(BUILD)-bugs $(BUILD)-asan $(BUILD)-tsan $(BUILD)-fuzz
