//! A stack for what recurses as deep as its input is.

use std::panic::resume_unwind;

/// Address space, of which nothing is used that is not needed. The engine of the templates builds values as deep as it
/// has instructions, and takes them apart again by recursion: a loop that wraps a list in a list has to end in a
/// message, or in the text that it asks for, and not in a signal.
const STACK: usize = 1024 * 1024 * 1024;

/// Does the work on a thread with such a stack; where there is no room for one, on this.
pub(super) fn deep<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let mut work = Some(work);
    let mut done = None;
    std::thread::scope(|scope| {
        let (work, done) = (&mut work, &mut done);
        let thread = std::thread::Builder::new().stack_size(STACK);
        if let Ok(thread) = thread.spawn_scoped(scope, move || *done = work.take().map(|work| work()))
            && let Err(panic) = thread.join()
        {
            resume_unwind(panic);
        }
    });
    match (done, work) {
        (Some(done), _) => done,
        (None, Some(work)) => work(),
        (None, None) => unreachable!("work that was taken is done, or has panicked"),
    }
}

#[cfg(test)]
mod tests {
    use super::deep;

    fn sum(number: u64) -> u64 {
        if number == 0 { 0 } else { std::hint::black_box(number) + sum(number - 1) }
    }

    #[test]
    fn recursion_goes_deep_and_its_result_comes_back() {
        assert_eq!(deep(|| sum(500_000)), 500_000 * 500_001 / 2);
    }

    #[test]
    #[should_panic(expected = "told on")]
    fn a_panic_is_handed_on() {
        deep(|| panic!("told on"));
    }
}
