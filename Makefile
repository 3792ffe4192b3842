# Each target works from a clean checkout: it makes .venv and installs what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SAMPLES := samples/metoral-spl.xml samples/sugarnorm-openfda.json samples/levetira-eu-leaflet.txt \
	samples/mingkang-zh.txt

DATA ?= ../shared/data
INSERTS = $(DATA)/en/inserts.jsonl.gz
TREES = $(DATA)/taxonomies
SYNONYMS = --synonyms $(TREES)/drugbank_vocabulary.csv
NAMES = --aliases $(TREES)/brand_ingredient.csv $(SYNONYMS)

.PHONY: demo test check fix checkpoints docs clean

demo: $(INSTALLED)  ## classify the sample inserts with the bundled checkpoint, offline
	@echo "\n# How an insert is read: drugtext read samples/mingkang-zh.txt"
	@$(BIN)/drugtext read samples/mingkang-zh.txt
	@echo "\n# What they are: drugtext classify $(SAMPLES)"
	@HF_HUB_OFFLINE=1 $(BIN)/drugtext classify $(SAMPLES); status=$$?; \
	if [ $$status -eq 1 ]; then \
		echo "\nExit status 1: the Chinese insert was read, but the English checkpoint does not know its language."; \
	else \
		echo "expected exit status 1, got $$status"; exit 1; \
	fi

test: $(INSTALLED)  ## run the tests, offline
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest

check: $(INSTALLED)  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: $(INSTALLED)  ## what ruff can mend by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

checkpoints: $(INSTALLED)  ## the bundled checkpoints anew, of the folder DATA (an hour; see data_cards/)
	$(BIN)/python scripts/build_corpus.py $(INSERTS) --output runs/corpus-atc $(NAMES) \
		--taxonomy $(TREES)/atc_en_zh.csv --max-depth 4 --corrections data_cards/atc_corrections.csv
	$(BIN)/python scripts/train_checkpoint.py runs/corpus-atc \
		--taxonomy $(TREES)/atc_en_zh.csv $(SYNONYMS) --output drugtext/checkpoints/atc
	$(BIN)/python scripts/build_corpus.py $(INSERTS) --output runs/corpus-epc $(NAMES) \
		--taxonomy $(TREES)/ingredient_fda_class.csv --taxonomy-format epc --max-depth 4
	$(BIN)/python scripts/train_checkpoint.py runs/corpus-epc --taxonomy-format epc \
		--taxonomy $(TREES)/ingredient_fda_class.csv $(SYNONYMS) --output drugtext/checkpoints/epc
	$(BIN)/drugtext models

docs: $(INSTALLED)  ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# compat: a clone in a folder named like the package must not hide it from the folder above.
# torch first and alone: with another package asking for it, pip may fetch a CUDA build of many GB.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet $(shell grep '^torch==' constraints.txt)
	$(BIN)/pip install --quiet --constraint constraints.txt --config-settings editable_mode=compat --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) site build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
