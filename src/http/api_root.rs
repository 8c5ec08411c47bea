//! The two roots of the API: every route is found at `/…`, and a second time below `/api`.

/// Below which every route is found a second time, for clients that expect it there.
pub(super) const SECOND_ROOT: &str = "/api";

/// A path of the API at both of its roots.
pub(super) fn at_both_roots(path: &str) -> [String; 2] {
    [path.to_owned(), format!("{SECOND_ROOT}{path}")]
}

/// A path, or a route's template, as it is below the first root.
pub(super) fn without_second_root(path: &str) -> &str {
    path.strip_prefix(SECOND_ROOT).filter(|rest| rest.starts_with('/')).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_both_roots_is_one_route() {
        let check = |path: &str, route: &str| assert_eq!(without_second_root(path), route);
        check("/api/enterprise/{enterpriseId}", "/enterprise/{enterpriseId}");
        check("/enterprise/{enterpriseId}", "/enterprise/{enterpriseId}");
        check("/api", "/api");
        check("/apiary", "/apiary");
        check("/", "/");
    }
}
