# Lists the targets.
default:
    @just --list --unsorted

# Serve a temporary database with demonstration data.
demo *ARGS:
    cargo run --release -- demo {{ARGS}}

# Run every test.
test *ARGS:
    cargo test {{ARGS}}

# Test the cache under thousands of task interleavings; MUSTER_TEST_SEED repeats a run.
interleavings:
    RUSTFLAGS="--cfg muster_shuttle" cargo test --target-dir target/interleavings --lib cache::

# Run the Postman collection against a freshly started dist/muster; needs node and npm.
postman:
    tests/postman/run.sh dist/muster

# Test a freshly started dist/muster against its OpenAPI document; needs python3 with venv.
schemathesis *ARGS:
    tests/schemathesis/run.sh dist/muster {{ARGS}}

# Generate TypeScript and Python clients, and call a freshly started dist/muster with them; needs node, npm and python3.
clients:
    tests/clients/run.sh dist/muster

# Fuzz one target (csv, durations or cursors) for SECONDS; new inputs go into target/fuzz/corpus.
fuzz TARGET="csv" SECONDS="600":
    #!/usr/bin/env bash
    set -euo pipefail
    command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --locked
    cp Cargo.lock tests/fuzz/Cargo.lock
    mkdir -p "target/fuzz/corpus/{{TARGET}}"
    # Sanitizers are unstable; the variable lets the stable compiler use them.
    export RUSTC_BOOTSTRAP=1
    cargo fuzz run --fuzz-dir tests/fuzz --target-dir target/fuzz "{{TARGET}}" \
      "target/fuzz/corpus/{{TARGET}}" "tests/fuzz/corpus/{{TARGET}}" -- \
      -max_total_time={{SECONDS}} -max_len=4096 -rss_limit_mb=1024 -malloc_limit_mb=16 -timeout=10 -print_final_stats=1

# Add the inputs of target/fuzz/corpus that reach new code to tests/fuzz/corpus.
fuzz-keep TARGET="csv":
    RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir tests/fuzz --target-dir target/fuzz "{{TARGET}}" -- \
      -merge=1 -use_counters=0 "$PWD/tests/fuzz/corpus/{{TARGET}}" "$PWD/target/fuzz/corpus/{{TARGET}}"

# Check formatting, lints and documentation, with warnings denied.
lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

# Everything that a change must pass.
ci:
    .ci/run

# Show the manual page.
man:
    cargo run --quiet -- man | man -l -

# Build the static, stripped binary, dist/muster, its manual page, dist/muster.1, and the list of its components.
release:
    #!/usr/bin/env bash
    set -euo pipefail
    # With an explicit target, RUSTFLAGS does not apply to build scripts and macros, which must be linked dynamically.
    target="$(rustc --print host-tuple)"
    RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --target "$target"
    mkdir -p dist
    cp "target/$target/release/muster" dist/muster
    ldd dist/muster 2>&1 | grep -qE "statically linked|not a dynamic executable" || { echo "dist/muster is not static" >&2; exit 1; }
    dist/muster man > dist/muster.1
    just sbom
    ls -l dist/muster dist/muster.1 dist/muster.cdx.json

# Check the licences, versions and sources of all dependencies against deny.toml; needs cargo-deny.
deny:
    #!/usr/bin/env bash
    set -euo pipefail
    cargo deny --all-features check bans licenses sources
    if timeout 60 cargo deny fetch db 2>/dev/null; then
      cargo deny --all-features check advisories
    else
      echo "advisories are not checked: the database of RustSec cannot be reached from here"
    fi

# Write the components of the binary into dist/muster.cdx.json (CycloneDX).
sbom:
    #!/usr/bin/env bash
    set -euo pipefail
    command -v cargo-cyclonedx >/dev/null || cargo install cargo-cyclonedx@0.5.9 --locked --debug
    export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct || date +%s)}"
    cargo cyclonedx --quiet --format json --spec-version 1.5 --no-build-deps --override-filename muster.cdx
    mkdir -p dist
    # Without the folder that it was built in.
    sed "s|path+file://$PWD#||g" muster.cdx.json > dist/muster.cdx.json
    rm muster.cdx.json

# Run what needs many repetitions for about an hour (docs/soak.md); fewer kills, seconds and seeds take less.
soak *ARGS:
    tests/soak.sh {{ARGS}}

# Have dist/muster make the database of this version that the tests of upgrades start from; once, when it is released.
released:
    MUSTER_RELEASED_BINARY=dist/muster UPDATE_RELEASED=1 cargo test --test main a_release_leaves_rows

# Write the screenshots of docs/images after the demonstration has run for MINUTES; review each.
screenshots MINUTES="20":
    UPDATE_SCREENSHOTS={{MINUTES}} cargo test --test main every_page_of_the_demonstration

# Run the benchmarks and print a table with the machine's description (docs/benchmarks.md). Takes some minutes.
bench *ARGS:
    cargo bench --bench muster -- {{ARGS}}

# Write the OpenAPI snapshot and the answers of the quick reference after a change of the API; review the difference.
openapi:
    UPDATE_SNAPSHOTS=1 cargo test --test main openapi
    UPDATE_SNAPSHOTS=1 cargo test --test main quick_reference
