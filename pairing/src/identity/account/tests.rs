use super::*;

fn stored(account: &AccountSecret) -> Vec<u8> {
    covey_codec::encode(account).expect("encodes")
}

fn back(bytes: &[u8]) -> AccountSecret {
    covey_codec::decode(bytes, 1024).expect("decodes")
}

#[test]
fn the_keys_of_an_account_are_independent_and_come_back_with_its_seed() {
    let account = AccountSecret::from_seed([42; 32]);
    let phrase = account.phrase().expect("not sealed");
    assert_eq!(AccountSecret::from_phrase(&phrase).expect("its own").kem_key(), account.kem_key());
    assert_ne!(AccountSecret::from_seed([43; 32]).kem_key(), account.kem_key());
    let signing = account.signing().expect("a holder").expose_seed();
    assert_ne!(signing, account.dh().expose());
    assert_ne!(signing, &[42; 32]);
}

/// [KEYLOG-8]
#[test]
fn a_rotation_changes_every_operational_key_and_not_the_name() {
    let first = AccountSecret::from_seed([42; 32]);
    assert_eq!(first.after_rotations(0).as_ref(), Some(&first));
    let second = first.after_rotations(1).expect("the seed is here");
    assert_eq!(second.id(), first.id());
    assert_ne!(second.signing(), first.signing());
    assert_ne!(second.dh().public(), first.dh().public());
    assert_ne!(second.kem_key(), first.kem_key());
    assert_eq!(second.after_rotations(0).as_ref(), Some(&first));
    assert_eq!(second.phrase(), first.phrase());
}

#[test]
fn an_account_is_stored_as_its_seed_as_it_always_was() {
    let account = AccountSecret::from_seed([42; 32]);
    assert_eq!(stored(&account), [&[0x58, 32][..], &[42; 32]].concat());
    assert_eq!(back(&stored(&account)), account);
    let rotated = account.after_rotations(3).expect("the seed is here");
    assert_eq!(back(&stored(&rotated)), rotated);
}

/// [KEYLOG-9]
#[test]
fn a_sealed_account_works_on_and_holds_neither_seed_nor_recovery_key() {
    let account = AccountSecret::from_seed([42; 32]);
    let sealed = account.sealed();
    assert!(sealed.is_sealed() && !account.is_sealed());
    assert_eq!((sealed.phrase(), sealed.recovery(0), sealed.after_rotations(1)), (None, None, None));
    assert_eq!((sealed.id(), sealed.signing(), sealed.dh()), (account.id(), account.signing(), account.dh()));
    let bytes = stored(&sealed);
    assert_eq!(back(&bytes), sealed);
    assert!(!bytes.windows(32).any(|window| window == [42; 32]), "the seed is in what is stored");
}

/// [KEYLOG-16]
#[test]
fn a_plain_device_answers_invites_and_cannot_sign_the_key_log() {
    let account = AccountSecret::from_seed([42; 32]).after_rotations(1).expect("the seed is here");
    let plain = account.plain();
    assert!(account.is_holder() && account.sealed().is_holder() && !plain.is_holder() && plain.is_sealed());
    assert_eq!((plain.signing(), plain.phrase()), (None, None));
    assert_eq!((plain.id(), plain.rotations(), plain.dh()), (account.id(), 1, account.dh()));
    assert_eq!(plain.kem_key(), account.kem_key());
    let (bytes, key) = (stored(&plain), account.signing().expect("a holder").expose_seed());
    assert_eq!(back(&bytes), plain);
    assert!(!bytes.windows(32).any(|window| window == [42; 32] || window == key), "a key that it must not have");
}

#[test]
fn debug_shows_no_secret() {
    let account = AccountSecret::from_seed([42; 32]);
    assert_eq!(format!("{account:?}"), format!("AccountSecret({})", account.id().fmt_short()));
}

/// [OWN-1]
#[test]
fn what_the_devices_of_an_account_share_is_of_its_present_keys_alone() {
    let account = AccountSecret::from_seed([42; 32]);
    assert_eq!(account.sealed().own_channel_id(), account.own_channel_id());
    assert_eq!(account.sealed().own_session_psk().expose(), account.own_session_psk().expose());
    assert_ne!(account.own_session_psk().expose(), &account.own_channel_id());
    for other in [AccountSecret::from_seed([43; 32]), account.after_rotations(1).expect("the seed is here")] {
        assert_ne!(other.own_channel_id(), account.own_channel_id());
        assert_ne!(other.own_session_psk().expose(), account.own_session_psk().expose());
    }
}
