//! The container image, as far as it can be checked without a container engine; `tests/scratch-root.sh` runs its content.

use super::read;

/// The arguments of an instruction, its continued lines joined.
fn arguments(instruction: &str) -> Vec<String> {
    let text = read("Dockerfile").replace("\\\n", " ");
    let lines = text.lines().filter_map(|line| line.strip_prefix(instruction)?.strip_prefix(' ').map(str::trim));
    lines.map(ToOwned::to_owned).collect()
}

#[test]
fn the_image_holds_only_the_binary_and_runs_as_an_unprivileged_user() {
    assert_eq!(arguments("FROM").last().map(String::as_str), Some("scratch"));
    assert_eq!(arguments("USER"), ["65532:65532"]);
    assert_eq!(arguments("ENTRYPOINT"), ["[\"/muster\"]"]);
    assert_eq!(arguments("CMD"), ["[\"serve\"]"]);
    assert!(arguments("HEALTHCHECK")[0].ends_with("CMD [\"/muster\", \"health\", \"--alive\"]"));
    let variables = arguments("ENV").concat();
    assert!(variables.contains("MUSTER_DATA_DIR=/data") && variables.contains("MUSTER_LISTEN=0.0.0.0:8383"));
    assert_eq!((arguments("VOLUME"), arguments("EXPOSE")), (vec!["/data".to_owned()], vec!["8383".to_owned()]));
    // The final image copies only a folder and the binary that `just release` builds.
    let copied = arguments("COPY");
    assert!(copied.len() == 2 && copied[1].ends_with("dist/muster /muster"), "{copied:?}");
}
