//! Setting, changing and taking away the passphrase of a node that does not run.

use rand::make_rng;
use rand::rngs::StdRng;

use super::{Options, StartError};
use crate::lock::InstanceLock;
use crate::vault::{Passphrase, VaultFiles};

/// Protects the data by `new` from now on: a passphrase, or (none) a key file beside the data. The passphrase of before, if there is one,
/// is in the options. The records stay as they are: the key that encrypts them is wrapped anew.
///
/// # Errors
/// [`StartError`] says what is in the way; the data opens as before then.
pub fn change_passphrase(options: &Options, new: Option<&Passphrase>) -> Result<(), StartError> {
    let dir = options.paths.data_dir();
    let files = VaultFiles::new(dir);
    if !files.exist() {
        return Err(StartError::NotInitialised { dir: dir.to_owned() });
    }
    let _lock = InstanceLock::acquire(dir)?;
    Ok(files.rewrap(options.passphrase.as_ref(), new, &mut make_rng::<StdRng>())?)
}
