# Thin: each target is a line or two over cargo, npm and the scripts in tests/.

DAY  ?=
ARGS ?=

.PHONY: demo test check bench fuzz ui install-test-tools

demo: ui ## The map at http://127.0.0.1:8080, on a recorded day; DAY=<folder> for one of your own
	cargo run --release --package marshrut -- demo $(if $(DAY),--day $(DAY)) $(ARGS)

test: install-test-tools ui ## Everything: lints, units, end to end with PostGIS, Mosquitto and Chromium
	tests/run

check: ## Lints alone
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

bench: ## What decoding, taking in, holding connections and matching cost, each beside another that does the same work
	cargo bench --manifest-path benches/Cargo.toml

fuzz: ## Ten million damaged inputs for each protocol; protocols/fuzz/run goes by coverage
	MARSHRUT_TEST_FUZZ=10000000 cargo test --release --package protocols --test fuzz -- --nocapture

ui: crates/web/ui/dist/index.html

crates/web/ui/dist/index.html: crates/web/ui/package-lock.json crates/web/ui/index.html $(shell find crates/web/ui/src crates/web/ui/public -type f)
	cd crates/web/ui && npm ci --no-audit --no-fund && npm run build

install-test-tools:
	tests/install
