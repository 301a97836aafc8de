//! Catching the panics with which sled answers damaged files.

use std::{
    any::Any,
    cell::Cell,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    sync::Once,
};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f`; a panic in it becomes its message, and is not printed.
pub(crate) fn catch<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    silence_guarded_panics();
    let outer = GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    GUARDED.set(outer);
    result.map_err(|payload| message(payload.as_ref()))
}

/// A caught panic is an ordinary error of ours: it must not put a backtrace on the operator's terminal. All other
/// panics are reported as before.
fn silence_guarded_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            let sled_worker = std::thread::current().name().is_some_and(|name| name.starts_with("sled-"));
            if !GUARDED.get() && !sled_worker {
                report(info);
            }
        }));
    });
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".to_owned());
    // The first line is enough for an error; sled appends structures to some of its assertions.
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(catch(|| panic!("page {} is gone", 7)), Err::<(), _>("page 7 is gone".to_owned()));
        assert_eq!(catch(|| 5), Ok(5));
    }
}
