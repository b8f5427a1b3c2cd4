# What you need: make run, make test. Everything else is for developers.
# As root both install missing Debian packages; otherwise they name them.

.PHONY: run test check bench release web clean
DEMO ?= 1
CARGO ?= cargo

run: web
	@deploy/dev/ensure.sh run
	$(CARGO) build --workspace
ifeq ($(DEMO),0)
	@exec $(TARGET)/debug/hiji serve
else
	@exec $(TARGET)/debug/hiji-demo
endif

# Every test: SQLite, PostgreSQL, an external Mosquitto, independent clients, the browser.
test: web
	@deploy/dev/ensure.sh test
	$(CARGO) build --workspace --all-targets
	deploy/dev/with-postgres.sh $(CARGO) test --workspace --no-fail-fast

check: web
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps

# The figures of shared/DESIGN.md section 10, of the binaries that are handed out: they take a while to build.
bench: web
	@deploy/dev/ensure.sh test
	$(CARGO) build --profile dist -p hiji-tests --bin hiji-bench
	$(CARGO) build --profile agent -p hiji-agent
	deploy/dev/with-postgres.sh $(TARGET)/dist/hiji-bench

# Stripped binaries and the agent's container image for RouterOS, in dist/. The agent is linked statically: with musl if
# `rustup target add $(AGENT_TARGET)` was done, else with glibc, whose static binary may not resolve host names in a
# container without libraries: give such an agent addresses instead of names.
ARCH := $(shell uname -m)
AGENT_TARGET ?= $(ARCH)-unknown-linux-musl
release: web
	@mkdir -p dist
	$(CARGO) build --profile dist -p hiji-controller
	if [ -d "$$(rustc --print target-libdir --target $(AGENT_TARGET) 2>/dev/null)" ]; then \
	  $(CARGO) build --profile agent -p hiji-agent --target $(AGENT_TARGET) && \
	  cp $(TARGET)/$(AGENT_TARGET)/agent/hiji-agent dist/; \
	else \
	  RUSTFLAGS="-C target-feature=+crt-static" $(CARGO) build --profile agent -p hiji-agent --target $(ARCH)-unknown-linux-gnu && \
	  cp $(TARGET)/$(ARCH)-unknown-linux-gnu/agent/hiji-agent dist/; \
	fi
	cp $(TARGET)/dist/hiji dist/
	python3 deploy/mkimage.py dist/hiji-agent dist/hiji-agent.tar
	ls -l dist

# The browser's files: fetched by npm, copied to web/dist, embedded in the binary.
web: web/dist/.made
web/dist/.made: web/package-lock.json web/build.mjs web/icons.txt
	@deploy/dev/ensure.sh run
	cd web && npm ci --no-audit --no-fund --silent && node build.mjs
	@touch $@

clean:
	$(CARGO) clean
	rm -rf web/dist web/node_modules dist

TARGET := $(or $(CARGO_TARGET_DIR),target)
