//! Stories of whole processes: real daemons, real command line, real sockets and disks. One module for each.

#![allow(clippy::panic, clippy::print_stderr, clippy::print_stdout)]

#[path = "../harness/mod.rs"]
mod harness;

mod a_newcomer_needs_no_flags;
mod acknowledged_messages_survive_kills;
mod an_old_copy_of_the_data;
mod an_unpaired_process_gets_the_uniform_refusal;
mod bad_input_gets_one_clear_sentence;
mod bad_starts_get_one_clear_sentence;
mod blocked_account_hears_nothing;
mod both_invite_at_once;
mod cancelled_and_expired_invites;
mod declined_inviter_stays_out;
mod found_by_account_id_alone;
mod graceful_shutdown;
mod handshake_waits_for_who_is_away;
mod json_is_nothing_but_json;
mod killed_at_any_moment;
mod killed_between_steps;
mod messages_wait_for_who_is_away;
mod open_mode_keeps_strangers_out_of_the_inbox;
mod persisted_before_sent;
mod receipts;
mod removed_contact;
mod repeated_requests_are_done_once;
mod tail_misses_nothing;
mod the_demo;
mod the_disk_and_the_wire_show_no_plaintext;
mod the_disk_is_full;
mod the_rpc_is_for_its_owner;
mod tickets_with_tokens;
mod two_nodes_pair_and_talk;
mod verified_by_safety_number;
