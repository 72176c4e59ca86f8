# `make report` and `make test` need Python 3.11, git and make; they set up .venv by themselves and work again at once when called twice.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Threads that wait sleep, where several processes share the cores. Benchmarks leave it to torch, as people run it.
export OMP_WAIT_POLICY := passive
BENCHMARK := env -u OMP_WAIT_POLICY $(BIN)/python

.PHONY: report reproduce test test-lowest test-wheel test-integrations test-page licences certify mutants torture figures records rates study study-cifar100 gpu-study known-architectures docs bench-moments bench-simulate bench-scale bench-train lint clean

report: $(READY)  ## Draw and check the records, train one seed of each arm: build/report/index.html (a minute, and the set-up)
	$(BIN)/tsla report

reproduce: $(READY)  ## Make the records of the report, the evidence and the figures anew (ten minutes; resumable)
	$(BIN)/tsla records
	$(BIN)/tsla check
	$(MAKE) figures

test: lint  ## The linters and all tests: what CI runs
	$(BIN)/python -m pytest -n auto --dist worksteal

LOWEST := build/lowest
test-lowest:  ## The tests of what users call, with the lowest versions that pyproject.toml allows (minutes)
	$(PYTHON) -m venv $(LOWEST)
	sed '/^all = /q' pyproject.toml | grep -oE '[A-Za-z0-9-]+>=[0-9.]+' | sed 's/>=/==/' > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install --quiet --constraint $(LOWEST)/constraints.txt torch
	$(LOWEST)/bin/python -m pip install --quiet --constraint $(LOWEST)/constraints.txt --editable '.[certify,data,fast,figures,pretrained,torch]' \
		hypothesis mpmath pytest pytest-xdist
	$(LOWEST)/bin/python -m pytest -n auto -W default tests/theory tests/figures tests/cli tests/empirics --ignore tests/cli/test_package.py

INSTALLED := build/installed
OF_CHECKOUT = $(shell grep -lrE 'ROOT|parents\[' tests/theory tests/empirics --include='test_*.py')
test-wheel: $(READY)  ## The wheel of the sdist, installed alone: every command outside a checkout, and the tests that need none (minutes)
	rm -rf $(INSTALLED)
	$(BIN)/python -m hatchling build --target sdist --directory $(INSTALLED)/dist
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir $(INSTALLED)/dist $(INSTALLED)/dist/*.tar.gz
	$(PYTHON) -m venv $(INSTALLED)/env
	$(INSTALLED)/env/bin/python -m pip install --quiet --constraint constraints.txt torch
	$(INSTALLED)/env/bin/python -m pip install --quiet --constraint constraints.txt "$$(ls $(INSTALLED)/dist/*.whl)[all]" mpmath packaging pytest-xdist
	mkdir $(INSTALLED)/here
	cp -R tests pyproject.toml records/digits.parquet examples/sweep.toml examples/theorems/heavy_ball.py $(INSTALLED)/here
	cd $(INSTALLED)/here && ../env/bin/python -m tests.supply.commands
	cd $(INSTALLED)/here && ../env/bin/python -m pytest -n auto tests/theory tests/empirics \
		--ignore tests/theory/certificates --ignore tests/empirics/experiments $(addprefix --ignore ,$(OF_CHECKOUT))

INTEGRATIONS := build/integrations-env
test-integrations: $(INTEGRATIONS)/.ready  ## The examples of docs/integrations.md, with the real libraries (minutes, and gigabytes to install)
	$(INTEGRATIONS)/bin/python -m pytest tests/integrations

# With pins of their own: timm needs torchvision, which does not import beside the CPU build of the torch that constraints.txt pins.
$(INTEGRATIONS)/.ready: pyproject.toml constraints-integrations.txt
	$(PYTHON) -m venv $(INTEGRATIONS)
	$(INTEGRATIONS)/bin/python -m pip install --quiet --constraint constraints-integrations.txt --editable '.[integrations]'
	touch $@

CHROMIUM := apt-get update -qq && apt-get install -qq --yes --no-install-recommends chromium
test-page: $(VENV)/.ready-page  ## The page in a headless Chromium, which is installed where there is none (minutes)
	@command -v chromium > /dev/null || { command -v apt-get && { [ "$$(id -u)" = 0 ] || command -v sudo; }; } > /dev/null \
		|| { echo "make test-page: there is no chromium on the PATH, and no apt-get as root or with sudo to install it" >&2; exit 2; }
	@command -v chromium > /dev/null || $$([ "$$(id -u)" = 0 ] || echo sudo) sh -c '$(CHROMIUM)'
	$(BIN)/python -m pytest tests/page

$(VENV)/.ready-page: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[page]'
	touch $@

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

licences: $(READY)  ## The licences of what `tsla[all]` brings, from what is installed: docs/licences.md
	$(BIN)/python -m tests.supply.licences

certify: $(READY)  ## Run every proof and certificate; one row a claim
	$(BIN)/tsla certify

mutants: $(READY)  ## Mutation testing of theory/ (an hour and more; SAMPLE=300 draws as many mutants at random): who survives the claims' tests
	SAMPLE=$(SAMPLE) bash tests/mutation/run.sh

torture: $(READY)  ## Command lines and calls as tired hands type them, damaged and hostile files, killed runs, full disks: how many ended as none may (sixteen minutes on 2 cores)
	$(BIN)/python -m tests.torture $(ARGUMENTS)

figures: $(READY)  ## Redraw build/figures from records/, without running anything
	$(BIN)/tsla figures

docs: $(VENV)/.ready-docs  ## The documentation as a site, with notebooks: build/docs/index.html; a link that leads nowhere stops it
	$(BIN)/python -m sphinx -b html -W --keep-going --quiet docs build/docs

$(VENV)/.ready-docs: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	touch $@

records: $(READY)  ## Run the experiments whose records figures and checks read
	$(BIN)/tsla records

bench-moments: $(VENV)/.ready-bench  ## Gradient moments beside other libraries, in time and memory (half an hour): build/bench/moments.md
	$(BENCHMARK) -m tests.benchmarks.moments $(ARGUMENTS)

bench-simulate: $(VENV)/.ready-bench  ## The simulator beside NumPy's normals and other libraries (minutes): build/bench/simulate.md
	$(BENCHMARK) -m tests.benchmarks.simulate $(ARGUMENTS)

bench-scale: $(READY)  ## How cost grows, with fitted exponents (twelve minutes): build/bench/scale.md; --page docs/scale.md fills the page
	$(BENCHMARK) -m tests.benchmarks.scale $(ARGUMENTS)

rates: $(READY)  ## Measure the rates of C9, C12 and C15, and what the tests refute (resumable): records/, docs/rates.md, docs/one_sided_tests.md
	$(BIN)/tsla records measured_rates annealed power_of_tests
	$(BIN)/tsla docs rates one_sided_tests

study: $(READY)  ## E1-E5, the branches and the planner, as docs/study_plan.md says (resumable, five hours): records/, docs/study.md, docs/study_third.md, docs/branches.md, docs/planner.md
	$(BIN)/tsla records study_tuning study_decay_tuning
	$(BIN)/tsla records study study_paths study_tempering study_decay branches branches_resnet8
	$(BIN)/tsla records planner
	$(BIN)/tsla records study_mlp_tuning study_resnet8_tuning study_resnet8_beside_tuning
	$(BIN)/tsla records study_mlp study_mlp_paths study_resnet8 study_resnet8_paths study_resnet8_beside study_resnet8_beside_paths
	$(BIN)/python -m tsla.empirics.experiments.planner.validation
	$(BIN)/python -m tsla.empirics.experiments.study.never_dropped
	$(BIN)/tsla docs study study_third branches planner

study-cifar100: $(READY)  ## The part of the third round that needs the images of CIFAR-100 in data/cifar100 (resumable, three hours; docs/training.md)
	$(BIN)/tsla records study_heads_tuning study_heads_beside_tuning
	$(BIN)/tsla records study_heads study_heads_paths study_heads_beside study_heads_beside_paths
	$(BIN)/tsla records study_scratch
	$(BIN)/python -m tsla.empirics.experiments.study.never_dropped
	$(BIN)/tsla docs study_third

gpu-study: $(READY)  ## ResNet-18 on all of CIFAR-100, five seeds, on a GPU (resumable, hours; needs data/cifar-100-python.tar.gz)
	$(BIN)/tsla sweep examples/gpu_study.toml

known-architectures: $(READY) $(INTEGRATIONS)/.ready-pretrained  ## What the moments of known networks are (resumable, hours; needs data/): records/, docs/known_architectures.md
	$(INTEGRATIONS)/bin/tsla records known_architectures
	$(BIN)/tsla docs known_architectures

$(INTEGRATIONS)/.ready-pretrained: $(INTEGRATIONS)/.ready
	$(INTEGRATIONS)/bin/python -m pip install --quiet --constraint constraints-integrations.txt --editable '.[data,pretrained]'
	touch $@

bench-train: $(READY)  ## Training beside a bare loop, and the loss beside torch's own (ten minutes)
	$(BENCHMARK) -m tests.benchmarks.train $(ARGUMENTS)
	$(BENCHMARK) -m tests.benchmarks.loss

# backpack-for-pytorch asks for torchvision, which it does not need here and which does not import beside the pinned torch.
$(VENV)/.ready-bench: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps backpack-for-pytorch
	touch $@

# torch is installed first and by itself, at the version of constraints.txt: what pip would choose is a CUDA build of several GB.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $(READY)

clean:  ## Remove what the commands made, but the environment
	rm -rf build .hypothesis .mypy_cache .ruff_cache .import_linter_cache
