//! Limits of this process that stand in the way of many hosts at once.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit of open files to the hard one, and gives the limit that holds afterwards (`None`: unlimited).
///
/// Every running script costs four descriptors here; the usual soft limit of 1024 is reached with 250 hosts. The hard
/// limit is what the administrator meant. A program that calls `select(2)` cannot stand more than 1024; we do not.
#[expect(clippy::must_use_candidate, reason = "called for what it does")]
pub fn raise_open_files_limit() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return current;
    }
    let raised = Rlimit { current: maximum, maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let raised = raise_open_files_limit();
        assert_eq!(raised, getrlimit(Resource::Nofile).maximum);
        assert_eq!(raised, getrlimit(Resource::Nofile).current);
    }
}
