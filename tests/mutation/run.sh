#!/usr/bin/env bash
# Mutation testing of theory/ by mutmut against the claims' tests and the calculators' (an hour and more on 2 cores): `make mutants`.
# With a pattern, only the mutants of these names: `bash tests/mutation/run.sh 'tsla.theory.commands*'`.
# With SAMPLE=300, as many mutants drawn at random, the same ones each time: `make mutants SAMPLE=300`.
#
# Works on a copy in build/mutants. Two changes are made there, because mutmut mutates no decorated function but static methods: the
# decorator `representable` goes by that name, which is an alias of it; and hypothesis tries fewer examples, since a mutant that needs
# more than 40 to be found is counted as a survivor. Texts of options are not mutated (see the patterns).
set -euo pipefail
cd "$(dirname "$0")/../.."
tree=build/mutants
python=$PWD/.venv/bin
rm -rf "$tree" && mkdir -p "$tree"
git ls-files -co --exclude-standard | xargs cp --parents -P -t "$tree"
cd "$tree"
for layer in theory empirics figures; do  # the folders themselves in place of the links, so that a mutant's name is that of its module
    rm "tsla/$layer" && mv "$layer" "tsla/$layer"
done
for module in tsla/theory/*.py; do
    if grep -q '^@representable$' "$module"; then
        sed -i 's/^@representable$/@staticmethod/; s/^from tsla.theory.representable import .*representable.*/&\nstaticmethod = representable/' "$module"
    fi
done
sed -i 's/^EXAMPLES = 50$/EXAMPLES = 40/' tests/conftest.py
cat >> pyproject.toml <<'TOML'

[tool.mutmut]
source_paths = ["tsla/theory"]
do_not_mutate = ["tsla/theory/certificates/*", "tsla/theory/testing/*"]  # what checks, and is checked by planted errors
do_not_mutate_patterns = ["names=", "quantity=", "help=", "metavar=", "about = "]
also_copy = ["tsla", "records", "docs", "README.md", "CONTRIBUTING.md", "paper_checks.md"]
pytest_add_cli_args_test_selection = ["tests/claims", "tests/theory", "tests/cli/test_theory.py", "tests/cli/test_swept.py", "tests/cli/test_help.py"]
pytest_add_cli_args = ["-m", "not claim(planted=True)", "-k", "not wrong and not planted and not false and not mutmut and not all_that_lists"]  # tests of the tests kill nothing, mutmut has names of its own, and what it writes is not translated
track_dependencies = false
use_git_change_detection = false
TOML
if [ -n "${SAMPLE:-}" ]; then
    "$python/mutmut" run 'no mutant' > /dev/null 2>&1 || true  # makes the mutants, times the tests, and then finds nothing to run
    mapfile -t drawn < <("$python/python" - "$SAMPLE" <<'PYTHON'
import json, pathlib, random, sys
names = sorted(name for meta in pathlib.Path("mutants").rglob("*.meta") for name in json.loads(meta.read_text())["exit_code_by_key"])
print(*random.Random(0).sample(names, min(int(sys.argv[1]), len(names))), sep="\n")
PYTHON
    )
    set -- "${drawn[@]}"
fi
"$python/mutmut" run --max-children "$(nproc)" "$@"
"$python/mutmut" results
