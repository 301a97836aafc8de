//! Stories of whole processes: real daemons, real command line, real sockets and disks. One module for each.

#![allow(clippy::panic, clippy::print_stderr, clippy::print_stdout)]

#[path = "../harness/mod.rs"]
mod harness;

mod a_locked_node_has_no_keys;
mod a_name_means_one_of_contacts_and_groups;
mod a_newcomer_needs_no_flags;
mod a_passphrase_is_asked_for_on_a_terminal;
mod a_service_manager_is_told;
mod acknowledged_messages_survive_kills;
mod an_edited_message;
mod an_old_copy_of_the_data;
mod an_unpaired_process_gets_the_uniform_refusal;
mod bad_input_gets_one_clear_sentence;
mod bad_starts_get_one_clear_sentence;
mod blocked_account_hears_nothing;
mod both_invite_at_once;
mod cancelled_and_expired_invites;
mod completions_know_names;
mod declined_inviter_stays_out;
mod found_by_account_id_alone;
mod graceful_shutdown;
mod group_answers_have_the_shapes_scripts_rely_on;
mod group_bad_input_gets_one_clear_sentence;
mod group_doctor_says_whether_all_know_the_same;
mod group_invite_that_was_declined;
mod group_joined_by_ticket;
mod group_left_by_a_member_and_by_its_owner;
mod group_members_who_never_meet;
mod group_message_deleted_for_everyone;
mod group_of_three_friends;
mod group_removed_member_neither_reads_nor_writes;
mod group_report_is_verified_by_another;
mod group_roles_and_names;
mod group_survives_kills;
mod handshake_waits_for_who_is_away;
mod health_is_true;
mod json_is_nothing_but_json;
mod killed_at_any_moment;
mod killed_between_steps;
mod messages_wait_for_who_is_away;
mod metrics_are_numbers_of_nobody;
mod open_mode_keeps_strangers_out_of_the_inbox;
mod people_meet_through_a_seed;
mod persisted_before_sent;
mod receipts;
mod removed_contact;
mod repeated_requests_are_done_once;
mod settings_change_while_the_node_runs;
mod signals_and_a_closed_terminal;
mod tail_misses_nothing;
mod texts_that_look_like_flags;
mod the_demo;
mod the_disk_and_the_wire_show_no_plaintext;
mod the_disk_is_full;
mod the_page_is_opened_by_one_command;
mod the_rpc_is_for_its_owner;
mod the_words_are_written_down;
mod tickets_with_tokens;
mod tokens_give_programs_what_they_need;
mod two_nodes_pair_and_talk;
mod unkind_clients_harm_nobody;
mod verified_by_safety_number;
mod what_is_secret_stays_in_the_process;
mod who_comes_and_goes_is_told;
