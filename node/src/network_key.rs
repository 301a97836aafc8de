//! Keys of networks as an operator gives them: 64 hexadecimal characters.

use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER_PERMISSIVE;
use zeroize::Zeroizing;

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("network.key_file: cannot read {file}: {source}")]
    Read {
        /// Which file.
        file: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// It holds something else.
    #[error(
        "network.key_file: {file} must hold 64 hexadecimal characters, and the same in every node of the network; make one with `openssl rand -hex 32`"
    )]
    Content {
        /// Which file.
        file: PathBuf,
    },
}

/// The key of a private network.
///
/// # Errors
/// [`KeyError`] says which file and what to do.
pub fn read(file: &Path) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let text = std::fs::read_to_string(file).map_err(|source| KeyError::Read { file: file.to_owned(), source })?;
    let text = Zeroizing::new(text);
    parse(&text).map(Zeroizing::new).ok_or_else(|| KeyError::Content { file: file.to_owned() })
}

/// 32 bytes of 64 hexadecimal characters.
pub fn parse(text: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = text.trim().as_bytes().try_into().ok()?;
    let mut key = [0; 32];
    HEXLOWER_PERMISSIVE.decode_mut(digits, &mut key).ok()?;
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_64_hexadecimal_characters_and_nothing_else() {
        assert_eq!(parse(&format!(" {}\n", "0f".repeat(32))), Some([15; 32]));
        for text in ["", "0f", &"0g".repeat(32), &"0f".repeat(33), &"é".repeat(32), &"+1".repeat(32)] {
            assert_eq!(parse(text), None, "{text}");
        }
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("key");
        assert!(read(&file).is_err_and(|error| error.to_string().contains("cannot read")));
        std::fs::write(&file, "secret").expect("writes");
        let told = read(&file).expect_err("no key").to_string();
        assert!(told.contains("openssl") && !told.contains("secret"), "{told}");
    }
}
