//! [CRYPTO-3] No signature stands in for one of another kind.

use crate::crypto::sign::{BadSignature, Context, SigningSecret};

#[test]
fn a_signature_verifies_in_its_own_context_only() {
    let key = SigningSecret::from_seed([1; 32]);
    for made in Context::ALL {
        let signature = key.sign(made, b"message");
        for read in Context::ALL {
            let verified = key.public().verify(read, b"message", &signature);
            assert_eq!(verified, if made == read { Ok(()) } else { Err(BadSignature) }, "{made:?} as {read:?}");
        }
        assert_eq!(key.public().verify(made, b"another", &signature), Err(BadSignature));
    }
}

#[test]
fn no_context_is_the_beginning_of_another() {
    for a in Context::ALL {
        assert!(a.prefix().ends_with(b"\0") && a.prefix().starts_with(b"covey "));
        for b in Context::ALL {
            assert!(a == b || !b.prefix().starts_with(a.prefix()), "{a:?} begins {b:?}");
        }
    }
}
