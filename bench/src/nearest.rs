//! "Did you mean": one sentence for a name that does not exist.

/// The sentence for an unknown `name` of a `kind`, with the nearest valid one and all that are allowed.
pub fn nearest<'a>(kind: &str, name: &str, valid: impl IntoIterator<Item = &'a str>) -> String {
    let valid: Vec<&str> = valid.into_iter().collect();
    let best = valid.iter().map(|candidate| (strsim::jaro_winkler(name, candidate), *candidate));
    let best = best.max_by(|a, b| a.0.total_cmp(&b.0));
    let all = valid.join(", ");
    match best {
        Some((_, candidate)) => format!("unknown {kind} `{name}`: the nearest is `{candidate}`; there are {all}"),
        None => format!("unknown {kind} `{name}`: there is none"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_nearest_and_all() {
        let text = nearest("arm", "long-pol", ["poll", "long-poll", "ws"]);
        assert_eq!(text, "unknown arm `long-pol`: the nearest is `long-poll`; there are poll, long-poll, ws");
        assert_eq!(nearest("arm", "x", []), "unknown arm `x`: there is none");
    }
}
