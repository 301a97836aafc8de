//! What the operating system is told to keep others from: the memory of this process holds keys.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Leaves no core dump behind, and lets no other process of the same user look into the memory.
///
/// Both are refused by nobody who allows this process to run; where a system does not have them, there is nothing else to do.
pub fn harden() {
    let none = Rlimit { current: Some(0), maximum: getrlimit(Resource::Core).maximum };
    let _ = setrlimit(Resource::Core, none);
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
